//! Crossplane: a key that does not parse panics.

use std::sync::Arc;

use async_trait::async_trait;
use transfer_operator::cluster::{ClusterError, Entries, KubeApi, Name};

use super::{AroundKube, Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "PanicOnBadKey",
    put_in: |seams: Seams| seams.around_kube(|_, real| Panicking(real)),
    settings: |_| vec![Setting::of("W10-bad-key")],
};

struct Panicking(Arc<dyn KubeApi>);

#[async_trait]
impl AroundKube for Panicking {
    fn real(&self) -> &dyn KubeApi {
        self.0.as_ref()
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        let found = self.0.config_map(name).await?;
        let mut texts = found.iter().flat_map(|data| data.values()).map(|bytes| String::from_utf8_lossy(bytes));
        assert!(!texts.any(|text| text.contains("not-a-key")), "index out of bounds");
        Ok(found)
    }
}
