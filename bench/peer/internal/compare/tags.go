// Package compare says what has to be done in AWS for it to be as the spec wants it. It calls nobody.
package compare

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
)

// The owner tags: by OwnerUID an object knows its own again, OwnerName is for people.
const (
	OwnerUID  = "peer.transfer-operator.dev/uid"
	OwnerName = "peer.transfer-operator.dev/owner"
)

// Tags are those that a server or user shall have: the identity's, the spec's over them, the owner's over both.
func Tags(identity, spec map[string]string, uid, owner string) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, identity)
	maps.Copy(tags, spec)
	tags[OwnerUID] = uid
	tags[OwnerName] = owner
	return tags
}

// TagList is the form that AWS takes, in the order of the keys.
func TagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// IsOwned says whether the tags are those of the object with this uid.
func IsOwned(have []types.Tag, uid string) bool {
	return slices.ContainsFunc(have, func(tag types.Tag) bool {
		return aws.ToString(tag.Key) == OwnerUID && aws.ToString(tag.Value) == uid
	})
}

// TagChanges says which tags to set and which to take off. AWS's own are not ours to touch.
func TagChanges(want map[string]string, have []types.Tag) (set []types.Tag, remove []string) {
	missing := maps.Clone(want)
	for _, tag := range have {
		key := aws.ToString(tag.Key)
		value, wanted := want[key]
		switch {
		case wanted && value == aws.ToString(tag.Value):
			delete(missing, key)
		case !wanted && !isAwsOwn(key):
			remove = append(remove, key)
		}
	}
	return TagList(missing), remove
}

func isAwsOwn(key string) bool {
	return strings.HasPrefix(key, "aws:") || strings.HasPrefix(key, "transfer:")
}
