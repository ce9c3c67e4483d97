package compare

import (
	"bytes"
	"encoding/json"
)

// compact takes the blanks out of a policy, as AWS counts them; what is no JSON is left to AWS to refuse.
func compact(policy string) string {
	var text bytes.Buffer
	if json.Compact(&text, []byte(policy)) != nil {
		return policy
	}
	return text.String()
}

func joined(root, path string) string {
	if path == "" {
		return "/" + root
	}
	return "/" + root + "/" + path
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// orCleared is what an update sends: nothing where there is nothing and none is wanted.
func orCleared(want string, have *string) *string {
	if want == "" && have == nil {
		return nil
	}
	return &want
}
