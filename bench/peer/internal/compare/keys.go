package compare

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transfer/types"
)

// Key is an SSH public key. AWS squeezes blanks and keeps the comment, so two are the same if type and material are.
type Key struct {
	Type, Material, Comment string
}

// ParseKey reads one line of OpenSSH form.
func ParseKey(line string) (Key, error) {
	parts := strings.Fields(line)
	if len(parts) < 2 {
		return Key{}, fmt.Errorf("not an SSH public key in OpenSSH form")
	}
	if _, err := base64.StdEncoding.DecodeString(parts[1]); err != nil {
		return Key{}, fmt.Errorf("the material of an SSH public key is not base64")
	}
	return Key{Type: parts[0], Material: parts[1], Comment: strings.Join(parts[2:], " ")}, nil
}

// ParseAuthorizedKeys reads the lines of a file in authorized_keys form that are neither empty nor comments.
func ParseAuthorizedKeys(text string) ([]Key, error) {
	var keys []Key
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Body is the line that AWS takes.
func (key Key) Body() string {
	return strings.TrimSpace(key.Type + " " + key.Material + " " + key.Comment)
}

// Same says whether two keys let the same people in.
func (key Key) Same(other Key) bool {
	return key.Type == other.Type && key.Material == other.Material
}

// Fingerprint is what ssh-keygen prints; empty if the material cannot be read.
func (key Key) Fingerprint() string {
	material, err := base64.StdEncoding.DecodeString(key.Material)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(material)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// Distinct leaves the first of each key.
func Distinct(keys []Key) []Key {
	var distinct []Key
	for _, key := range keys {
		if !slices.ContainsFunc(distinct, key.Same) {
			distinct = append(distinct, key)
		}
	}
	return distinct
}

// KeyChanges says which keys to import and the ids of those to delete; with exclusive, every key that is not wanted.
func KeyChanges(want []Key, have []types.SshPublicKey, exclusive bool) (imports []Key, deletes []string) {
	held := make([]Key, 0, len(have))
	for _, there := range have {
		key, err := ParseKey(aws.ToString(there.SshPublicKeyBody))
		held = append(held, key)
		if exclusive && (err != nil || !slices.ContainsFunc(want, key.Same)) {
			deletes = append(deletes, aws.ToString(there.SshPublicKeyId))
		}
	}
	for _, key := range want {
		if !slices.ContainsFunc(held, key.Same) {
			imports = append(imports, key)
		}
	}
	return imports, deletes
}
