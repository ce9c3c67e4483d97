package compare

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"

	"transfer-operator/bench/peer/api/v1alpha1"
)

func described(change func(*types.DescribedUser)) *types.DescribedUser {
	user := &types.DescribedUser{
		Role:              aws.String("arn:aws:iam::123456789012:role/r"),
		HomeDirectory:     aws.String("/bucket/alice"),
		HomeDirectoryType: types.HomeDirectoryTypePath,
	}
	change(user)
	return user
}

func spec(change func(*v1alpha1.TransferUserSpec)) *v1alpha1.TransferUserSpec {
	wanted := &v1alpha1.TransferUserSpec{Role: "arn:aws:iam::123456789012:role/r", HomeDirectory: "/bucket/alice"}
	change(wanted)
	return wanted
}

func TestUserUpdate(t *testing.T) {
	logical := func(kind types.MapType) func(*types.DescribedUser) {
		return func(have *types.DescribedUser) {
			have.HomeDirectory = nil
			have.HomeDirectoryType = types.HomeDirectoryTypeLogical
			have.HomeDirectoryMappings = []types.HomeDirectoryMapEntry{
				{Entry: aws.String("/"), Target: aws.String("/bucket/alice"), Type: kind},
			}
		}
	}
	short := func(wanted *v1alpha1.TransferUserSpec) {
		wanted.HomeDirectory = ""
		wanted.Home = &v1alpha1.Home{S3: &v1alpha1.HomeS3{Bucket: "bucket", Prefix: "alice"}}
	}
	same := func(*v1alpha1.TransferUserSpec) {}
	none := func(*types.DescribedUser) {}
	cases := []struct {
		name string
		want func(*v1alpha1.TransferUserSpec)
		have func(*types.DescribedUser)
		sent func(*transfer.UpdateUserInput) bool // nil: no update
	}{
		{"equal", same, none, nil},
		{"another role", func(s *v1alpha1.TransferUserSpec) { s.Role = "other" }, none,
			func(u *transfer.UpdateUserInput) bool { return aws.ToString(u.Role) == "other" && u.Policy == nil }},
		{"another home", func(s *v1alpha1.TransferUserSpec) { s.HomeDirectory = "/x" }, none,
			func(u *transfer.UpdateUserInput) bool { return aws.ToString(u.HomeDirectory) == "/x" }},
		{"a home that leaves the spec is cleared", func(s *v1alpha1.TransferUserSpec) { s.HomeDirectory = "" }, none,
			func(u *transfer.UpdateUserInput) bool { return u.HomeDirectory != nil && *u.HomeDirectory == "" }},
		{"short form of a home that AWS has", short, logical(types.MapTypeDirectory), nil},
		{"a mapping whose type AWS leaves out", short, logical(""), nil},
		{"a mapping of another type", short, logical(types.MapTypeFile),
			func(u *transfer.UpdateUserInput) bool { return len(u.HomeDirectoryMappings) == 1 }},
		{"back to real paths, without mappings", same, logical(""),
			func(u *transfer.UpdateUserInput) bool {
				return u.HomeDirectoryType == types.HomeDirectoryTypePath && u.HomeDirectoryMappings == nil
			}},
		{"a policy with other blanks and order", func(s *v1alpha1.TransferUserSpec) { s.Policy = `{"a": 1, "b": [2]}` },
			func(have *types.DescribedUser) { have.Policy = aws.String(`{"b":[2],"a":1}`) }, nil},
		{"another policy, compacted", func(s *v1alpha1.TransferUserSpec) { s.Policy = `{"a": 1}` },
			func(have *types.DescribedUser) { have.Policy = aws.String(`{"a":2}`) },
			func(u *transfer.UpdateUserInput) bool { return aws.ToString(u.Policy) == `{"a":1}` }},
		{"a policy that leaves the spec is cleared", same,
			func(have *types.DescribedUser) { have.Policy = aws.String(`{}`) },
			func(u *transfer.UpdateUserInput) bool { return u.Policy != nil && *u.Policy == "" }},
		{"POSIX ids", func(s *v1alpha1.TransferUserSpec) { s.PosixProfile = &v1alpha1.PosixProfile{UID: 1, GID: 2} },
			func(have *types.DescribedUser) {
				have.PosixProfile = &types.PosixProfile{Uid: aws.Int64(1), Gid: aws.Int64(3)}
			},
			func(u *transfer.UpdateUserInput) bool { return aws.ToInt64(u.PosixProfile.Gid) == 2 }},
		{"POSIX ids that leave the spec stay", same,
			func(have *types.DescribedUser) {
				have.PosixProfile = &types.PosixProfile{Uid: aws.Int64(1), Gid: aws.Int64(3)}
			}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			update := UserUpdate("s-1", "alice", WantedProfile(spec(c.want)), described(c.have))
			switch {
			case c.sent == nil && update != nil:
				t.Errorf("nothing to do, but would send %+v", update)
			case c.sent != nil && update == nil:
				t.Error("would send nothing")
			case c.sent != nil && !c.sent(update):
				t.Errorf("would send %+v", update)
			}
		})
	}
}

func TestCreateSendsNoEmptyMembers(t *testing.T) {
	wanted := spec(func(s *v1alpha1.TransferUserSpec) { s.HomeDirectory = "" })
	input := UserCreate("s-1", "alice", WantedProfile(wanted), nil, map[string]string{"b": "2", "a": "1"})
	if input.HomeDirectory != nil || input.Policy != nil || input.SshPublicKeyBody != nil || input.PosixProfile != nil {
		t.Errorf("sends %+v", input)
	}
	if len(input.Tags) != 2 || *input.Tags[0].Key != "a" {
		t.Errorf("tags %+v", input.Tags)
	}
}

func TestHomeOnEfsWithoutRestriction(t *testing.T) {
	open := false
	profile := WantedProfile(spec(func(s *v1alpha1.TransferUserSpec) {
		s.HomeDirectory = ""
		s.Home = &v1alpha1.Home{Efs: &v1alpha1.HomeEfs{FileSystemID: "fs-1"}, Restricted: &open}
	}))
	if profile.HomeDirectory != "/fs-1" || profile.HomeType != types.HomeDirectoryTypePath || profile.Mappings != nil {
		t.Errorf("profile %+v", profile)
	}
}
