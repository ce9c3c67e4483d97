package compare

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"

	"transfer-operator/bench/peer/api/v1alpha1"
)

// Profile is what UpdateUser can change. What the spec does not say has AWS's default.
type Profile struct {
	Role          string
	HomeDirectory string
	HomeType      types.HomeDirectoryType
	Mappings      []types.HomeDirectoryMapEntry
	Policy        string
	Posix         *types.PosixProfile
}

// WantedProfile is the profile that the spec asks for.
func WantedProfile(spec *v1alpha1.TransferUserSpec) Profile {
	profile := Profile{
		Role:          spec.Role,
		HomeDirectory: spec.HomeDirectory,
		HomeType:      types.HomeDirectoryType(spec.HomeDirectoryType),
		Policy:        compact(spec.Policy),
	}
	for _, mapping := range spec.HomeDirectoryMappings {
		profile.Mappings = append(profile.Mappings, mapEntry(mapping.Entry, mapping.Target, mapping.Type))
	}
	if spec.Home != nil {
		profile.setHome(spec.Home)
	}
	if profile.HomeType == "" {
		profile.HomeType = types.HomeDirectoryTypePath
	}
	if posix := spec.PosixProfile; posix != nil {
		profile.Posix = &types.PosixProfile{
			Uid: aws.Int64(posix.UID), Gid: aws.Int64(posix.GID), SecondaryGids: posix.SecondaryGIDs,
		}
	}
	return profile
}

func (profile *Profile) setHome(home *v1alpha1.Home) {
	var path string
	switch {
	case home.S3 != nil:
		path = joined(home.S3.Bucket, home.S3.Prefix)
	case home.Efs != nil:
		path = joined(home.Efs.FileSystemID, home.Efs.Path)
	}
	if home.Restricted == nil || *home.Restricted {
		profile.HomeType = types.HomeDirectoryTypeLogical
		profile.Mappings = []types.HomeDirectoryMapEntry{mapEntry("/", path, "")}
	} else {
		profile.HomeDirectory = path
	}
}

// UserUpdate is the call that brings the user to the profile; nil if it is there.
func UserUpdate(serverID, name string, want Profile, have *types.DescribedUser) *transfer.UpdateUserInput {
	if want.matches(have) {
		return nil
	}
	// Absent means unchanged to AWS, so what shall be gone is sent empty, once. A change to PATH clears the mappings by
	// itself, and an empty list of them is refused.
	return &transfer.UpdateUserInput{
		ServerId:              aws.String(serverID),
		UserName:              aws.String(name),
		Role:                  aws.String(want.Role),
		HomeDirectory:         orCleared(want.HomeDirectory, have.HomeDirectory),
		HomeDirectoryType:     want.HomeType,
		HomeDirectoryMappings: want.Mappings,
		Policy:                orCleared(want.Policy, have.Policy),
		PosixProfile:          want.Posix,
	}
}

func (profile *Profile) matches(have *types.DescribedUser) bool {
	return profile.Role == aws.ToString(have.Role) &&
		profile.HomeDirectory == aws.ToString(have.HomeDirectory) &&
		profile.HomeType == have.HomeDirectoryType &&
		slices.EqualFunc(profile.Mappings, have.HomeDirectoryMappings, sameMapping) &&
		samePolicy(profile.Policy, aws.ToString(have.Policy)) &&
		samePosix(profile.Posix, have.PosixProfile)
}

// UserCreate is the call that makes the user, with the first of its keys.
func UserCreate(serverID, name string, want Profile, keys []Key, tags map[string]string) *transfer.CreateUserInput {
	input := &transfer.CreateUserInput{
		ServerId:              aws.String(serverID),
		UserName:              aws.String(name),
		Role:                  aws.String(want.Role),
		HomeDirectory:         orNil(want.HomeDirectory),
		HomeDirectoryType:     want.HomeType,
		HomeDirectoryMappings: want.Mappings,
		Policy:                orNil(want.Policy),
		PosixProfile:          want.Posix,
		Tags:                  TagList(tags),
	}
	if len(keys) > 0 {
		input.SshPublicKeyBody = aws.String(keys[0].Body())
	}
	return input
}

func mapEntry(entry, target, kind string) types.HomeDirectoryMapEntry {
	return types.HomeDirectoryMapEntry{Entry: aws.String(entry), Target: aws.String(target), Type: types.MapType(kind)}
}

// AWS leaves the type out where it was never sent.
func sameMapping(a, b types.HomeDirectoryMapEntry) bool {
	kind := func(entry types.HomeDirectoryMapEntry) types.MapType {
		if entry.Type == "" {
			return types.MapTypeDirectory
		}
		return entry.Type
	}
	return aws.ToString(a.Entry) == aws.ToString(b.Entry) &&
		aws.ToString(a.Target) == aws.ToString(b.Target) && kind(a) == kind(b)
}

func samePolicy(a, b string) bool {
	if a == b {
		return true
	}
	var left, right any
	return json.Unmarshal([]byte(a), &left) == nil && json.Unmarshal([]byte(b), &right) == nil &&
		reflect.DeepEqual(left, right)
}

// AWS has no way to take a POSIX profile off, so none wanted is no difference.
func samePosix(want, have *types.PosixProfile) bool {
	if want == nil {
		return true
	}
	return have != nil && aws.ToInt64(want.Uid) == aws.ToInt64(have.Uid) &&
		aws.ToInt64(want.Gid) == aws.ToInt64(have.Gid) && slices.Equal(want.SecondaryGids, have.SecondaryGids)
}
