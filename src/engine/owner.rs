//! Owner tags: what we write on every server and user, and what the tags on one say. Pure.
//!
//! Only tags that we read ourselves say what is ours; status says where to look.

use crate::api;
use crate::aws::Tags;

/// AWS's limit for a tag value, in characters.
pub(crate) const TAG_VALUE_MAX: usize = 256;

/// Who an object is, as its owner tags say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Our cluster.
    pub cluster: String,
    /// `namespace/name`, cut and hashed where longer than a tag value.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

/// What the tags on a server or user say of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This object of this cluster.
    Ours,
    /// None of our owner tags stands there.
    Untagged,
    /// This object's uid under another cluster: a restored copy. Or under none: a uid alone does not tell a copy of the
    /// cluster from this one.
    OtherCluster,
    /// This object's name and cluster, and no uid: that tag was taken off, or stood for a former life of the object.
    /// Only a person can tell, so by itself it gives nothing.
    UidLost,
    /// An object of this name in this cluster, with another uid: a former life of it, or its dying namesake.
    Former,
    /// Nobody any more: an object with `deletionPolicy: Retain` left it behind.
    Retained,
    /// Somebody else, named as far as the tags do.
    Foreign(String),
}

impl Owner {
    /// The owner tags of an object.
    #[must_use]
    pub fn new(cluster: &str, namespace: &str, name: &str, uid: &str) -> Self {
        Self { cluster: cluster.to_owned(), name: fit(&format!("{namespace}/{name}")), uid: uid.to_owned() }
    }

    /// The tags to write, the attempt among them.
    #[must_use]
    pub fn tags(&self, attempt: &str) -> Tags {
        let mut tags = self.lasting_tags();
        tags.insert(api::TAG_ATTEMPT.to_owned(), attempt.to_owned());
        tags
    }

    /// The tags that must always stand there; the attempt is history.
    #[must_use]
    pub(crate) fn lasting_tags(&self) -> Tags {
        Tags::from([
            (api::TAG_CLUSTER.to_owned(), self.cluster.clone()),
            (api::TAG_OWNER.to_owned(), self.name.clone()),
            (api::TAG_UID.to_owned(), self.uid.clone()),
        ])
    }

    /// The command that puts the uid back on what lost it, for a person who knows that it was this object's.
    #[must_use]
    pub fn command(&self, region: &str, arn: &str) -> String {
        let (key, uid) = (api::TAG_UID, &self.uid);
        format!("aws transfer tag-resource --region {region} --arn {arn} --tags Key={key},Value={uid}")
    }

    /// Reads the owner off tags.
    #[must_use]
    pub fn judge(&self, tags: &Tags) -> Ownership {
        let get = |key: &str| tags.get(key).map(String::as_str);
        let (cluster, name, uid) = (get(api::TAG_CLUSTER), get(api::TAG_OWNER), get(api::TAG_UID));
        let our_cluster = cluster == Some(self.cluster.as_str());
        match (uid, name) {
            (Some(uid), _) if uid == self.uid && our_cluster => Ownership::Ours,
            (Some(uid), _) if uid == self.uid => Ownership::OtherCluster,
            (_, Some(name)) if name == self.name && our_cluster && uid.is_some() => Ownership::Former,
            (None, _) if get(api::TAG_RETAINED_FROM).is_some() => Ownership::Retained,
            (None, Some(name)) if name == self.name && our_cluster => Ownership::UidLost,
            (None, None) if cluster.is_none() => Ownership::Untagged,
            _ => Ownership::Foreign(name.or(uid).unwrap_or("unknown").to_owned()),
        }
    }
}

fn fit(name: &str) -> String {
    if name.chars().count() <= TAG_VALUE_MAX {
        return name.to_owned();
    }
    let digest = super::digest::hash(name);
    let head: String = name.chars().take(TAG_VALUE_MAX - digest.len() - 1).collect();
    format!("{head}-{digest}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn tags(rows: &[(&str, &str)]) -> Tags {
        rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_cluster_tag_alone_is_somebodys() {
        let me = Owner::new("c1", "team", "files", "u1");
        assert!(matches!(me.judge(&tags(&[(api::TAG_CLUSTER, "c2")])), Ownership::Foreign(_)));
        assert_eq!(me.judge(&tags(&[("team", "billing")])), Ownership::Untagged);
    }

    #[test]
    fn uid_and_cluster_together_make_it_ours() {
        let me = Owner::new("c1", "team", "files", "u1");
        let rows: &[(&[(&str, &str)], Ownership, &str)] = &[
            (&[("transfer-operator.dev/uid", "u1"), ("transfer-operator.dev/cluster", "c1")], Ownership::Ours, "both"),
            (
                &[("transfer-operator.dev/uid", "u1"), ("transfer-operator.dev/cluster", "c2")],
                Ownership::OtherCluster,
                "a restored copy",
            ),
            (&[("team", "x")], Ownership::Untagged, "only a user's tags"),
            (
                &[
                    ("transfer-operator.dev/uid", "u0"),
                    ("transfer-operator.dev/cluster", "c1"),
                    ("transfer-operator.dev/owner", "team/files"),
                ],
                Ownership::Former,
                "same name, former uid",
            ),
            (
                &[
                    ("transfer-operator.dev/uid", "u0"),
                    ("transfer-operator.dev/cluster", "c2"),
                    ("transfer-operator.dev/owner", "team/files"),
                ],
                Ownership::Foreign("team/files".to_owned()),
                "same name in another cluster",
            ),
            (
                &[
                    ("transfer-operator.dev/cluster", "c1"),
                    ("transfer-operator.dev/owner", "team/files"),
                    ("transfer-operator.dev/retained-from", "team/files"),
                ],
                Ownership::Retained,
                "left behind on purpose",
            ),
            (
                &[
                    ("transfer-operator.dev/cluster", "c1"),
                    ("transfer-operator.dev/uid", "u2"),
                    ("transfer-operator.dev/retained-from", "team/files"),
                ],
                Ownership::Foreign("u2".to_owned()),
                "stamped, but somebody else's since",
            ),
        ];
        for (given, expected, reason) in rows {
            assert_eq!(&me.judge(&tags(given)), expected, "{reason}");
        }
    }

    /// Every way in which owner tags can stand there: ours, another's, or not at all.
    #[test]
    fn every_remainder_of_the_owner_tags_is_judged() {
        const US: [&str; 3] = ["u1", "team/files", "c1"];
        const THEM: [&str; 3] = ["u0", "team/other", "c2"];
        let me = Owner::new("c1", "team", "files", "u1");
        for state in 0..54_usize {
            let of = |target: u32| state / 3_usize.pow(target) % 3;
            let stamped = state >= 27;
            let mut given = Tags::new();
            for (target, key) in [api::TAG_UID, api::TAG_OWNER, api::TAG_CLUSTER].into_iter().enumerate() {
                let value = [Some(US[target]), Some(THEM[target]), None][of(u32::try_from(target).unwrap())];
                given.extend(value.map(|value| (key.to_owned(), value.to_owned())));
            }
            if stamped {
                given.insert(api::TAG_RETAINED_FROM.to_owned(), "whoever".to_owned());
            }
            let text = |target: usize| if of(u32::try_from(target).unwrap()) == 0 { US[target] } else { THEM[target] };
            // 0 ours, 1 another's, 2 absent.
            let expected = match (of(0), of(1), of(2)) {
                (0, _, 0) => Ownership::Ours,
                (0, ..) => Ownership::OtherCluster,
                (1, 0, 0) => Ownership::Former,
                (1, 0 | 1, _) => Ownership::Foreign(text(1).to_owned()),
                (1, ..) => Ownership::Foreign("u0".to_owned()),
                _ if stamped => Ownership::Retained,
                (2, 0, 0) => Ownership::UidLost,
                (2, 2, 2) => Ownership::Untagged,
                (2, 2, _) => Ownership::Foreign("unknown".to_owned()),
                _ => Ownership::Foreign(text(1).to_owned()),
            };
            assert_eq!(me.judge(&given), expected, "{given:?}");
        }
    }

    #[test]
    fn the_command_puts_the_uid_back_and_nothing_else() {
        let command = Owner::new("c1", "team", "files", "u1").command("eu-central-1", "arn:aws:transfer:x");
        assert_eq!(
            command,
            "aws transfer tag-resource --region eu-central-1 --arn arn:aws:transfer:x \
             --tags Key=transfer-operator.dev/uid,Value=u1"
        );
    }

    #[test]
    fn a_long_name_is_cut_and_stays_distinct() {
        let long = "n".repeat(300);
        let a = Owner::new("c", "ns", &format!("{long}a"), "u").name;
        let b = Owner::new("c", "ns", &format!("{long}b"), "u").name;
        assert_eq!(a.chars().count(), TAG_VALUE_MAX);
        assert_ne!(a, b);
    }

    #[test]
    fn what_is_written_reads_back_as_ours() {
        let me = Owner::new("c1", "team", "files", "u1");
        assert_eq!(me.judge(&me.tags("a1")), Ownership::Ours);
    }
}
