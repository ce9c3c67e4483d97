package compare

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
)

const (
	first  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5"
	second = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJBilFwFnVdLGAryjJcEgWfAZGOFDd4GCmpnO872qr5B"
)

func parsed(t *testing.T, lines ...string) []Key {
	t.Helper()
	var keys []Key
	for _, line := range lines {
		key, err := ParseKey(line)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

func held(bodies ...string) []types.SshPublicKey {
	var keys []types.SshPublicKey
	for _, body := range bodies {
		id := "key-of-" + body[len(body)-4:]
		keys = append(keys, types.SshPublicKey{SshPublicKeyId: aws.String(id), SshPublicKeyBody: aws.String(body)})
	}
	return keys
}

func TestKeyChanges(t *testing.T) {
	cases := []struct {
		name      string
		want      []string
		have      []string
		exclusive bool
		imports   int
		deletes   []string
	}{
		{"equal but for comment and blanks", []string{first + "  me"}, []string{first + " you"}, true, 0, nil},
		{"one is missing", []string{first, second}, []string{first}, true, 1, nil},
		{"one is too many", []string{first}, []string{first, second}, true, 0, []string{"key-of-qr5B"}},
		{"one too many is left with Additive", []string{first}, []string{first, second}, false, 0, nil},
		{"exchanged", []string{second}, []string{first}, true, 1, []string{"key-of-uRr5"}},
		{"what nobody can read goes", nil, []string{"unreadable"}, true, 0, []string{"key-of-able"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			imports, deletes := KeyChanges(parsed(t, c.want...), held(c.have...), c.exclusive)
			if len(imports) != c.imports || !slices.Equal(deletes, c.deletes) {
				t.Errorf("imports %v, deletes %v", imports, deletes)
			}
		})
	}
}

func TestFingerprintIsThatOfSSHKeygen(t *testing.T) {
	// ssh-keygen -lf of this key.
	const want = "SHA256:XtDj0pA65x/T6XYVKeNkSzpR03SnKXFj92IbUkxvp28"
	if have := parsed(t, first)[0].Fingerprint(); have != want {
		t.Errorf("%s instead of %s", have, want)
	}
}

func TestAuthorizedKeys(t *testing.T) {
	keys, err := ParseAuthorizedKeys("# team\n\n" + first + " me\n  " + second + "\n" + first + "\n")
	if err != nil || len(keys) != 3 {
		t.Fatalf("%v, %v", keys, err)
	}
	if distinct := Distinct(keys); len(distinct) != 2 || distinct[0].Comment != "me" {
		t.Errorf("%v", distinct)
	}
	if _, err := ParseAuthorizedKeys("ssh-ed25519\n"); err == nil {
		t.Error("half a key is a key")
	}
}
