package compare

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
)

func TestTagChanges(t *testing.T) {
	have := TagList(map[string]string{
		"same": "1", "other": "old", "foreign": "x", "aws:cloudformation:stack": "s", "transfer:customHostname": "h",
	})
	set, remove := TagChanges(map[string]string{"same": "1", "other": "new", "missing": "2"}, have)
	if len(set) != 2 || *set[0].Key != "missing" || *set[1].Key != "other" || *set[1].Value != "new" {
		t.Errorf("sets %+v", set)
	}
	if !slices.Equal(remove, []string{"foreign"}) {
		t.Errorf("removes %v", remove)
	}
}

func TestTagsOfTheSpecWinAndOwnersWinOverBoth(t *testing.T) {
	tags := Tags(map[string]string{"a": "identity", "b": "identity"},
		map[string]string{"b": "spec", OwnerUID: "forged"}, "uid-1", "ns/alice")
	if tags["a"] != "identity" || tags["b"] != "spec" || tags[OwnerUID] != "uid-1" || tags[OwnerName] != "ns/alice" {
		t.Errorf("%v", tags)
	}
}

func TestOwnership(t *testing.T) {
	mine := TagList(Tags(nil, nil, "uid-1", "ns/alice"))
	if !IsOwned(mine, "uid-1") || IsOwned(mine, "uid-2") || IsOwned([]types.Tag{}, "uid-1") {
		t.Error("ownership goes by the uid")
	}
}
