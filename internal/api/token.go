package api

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// What handlers put into nextToken says where a page ended, in their own form.
// Outside it is sealed with a key that is derived from the caller's secret:
// nobody reads or makes one, and it is good for the same key, operation and
// path only. No process needs to remember it.

// tokenSeal is the cipher of the caller's tokens.
func (c *call) tokenSeal() cipher.AEAD {
	m := hmac.New(sha256.New, []byte(c.key.Secret))
	m.Write([]byte("vedette next token"))
	block, err := aes.NewCipher(m.Sum(nil))
	if err != nil { // 32 bytes: cannot be
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// bound is what a token belongs to.
func (c *call) bound() []byte { return []byte(c.op.name + "\x00" + c.r.URL.EscapedPath()) }

// hideToken seals the token in an answer, if there is one.
func (c *call) hideToken(answer []byte) ([]byte, error) {
	if !bytes.Contains(answer, []byte(`"nextToken":"`)) {
		return answer, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(answer, &members); err != nil {
		return nil, err
	}
	var token string
	if json.Unmarshal(members["nextToken"], &token) != nil || token == "" {
		return answer, nil // it is inside something else
	}
	aead := c.tokenSeal()
	sealed := make([]byte, aead.NonceSize())
	rand.Read(sealed)
	sealed = aead.Seal(sealed, sealed, []byte(token), c.bound())
	var err error
	if members["nextToken"], err = json.Marshal(base64.RawURLEncoding.EncodeToString(sealed)); err != nil {
		return nil, err
	}
	return encode(members)
}

// showToken opens the token of a request where the handler looks for it.
func (c *call) showToken() error {
	if s := c.query.Get("nextToken"); s != "" {
		token, err := c.openToken(s, "operation")
		if err != nil {
			return err
		}
		c.query.Set("nextToken", token)
	}
	s, _, err := read[string](c.body, "nextToken", "a string")
	if err != nil || s == "" {
		return err
	}
	token, err := c.openToken(s, "query")
	if err != nil {
		return err
	}
	c.body.members["nextToken"], err = json.Marshal(token)
	return err
}

// openToken reads a sealed token of the thing that it says in a refusal.
func (c *call) openToken(s, of string) (string, error) {
	refused := badParam("nextToken", "is not a token of this "+of)
	if len(s) > 2*maxTokenLen {
		return "", refused
	}
	sealed, err := base64.RawURLEncoding.DecodeString(s)
	aead := c.tokenSeal()
	if err != nil || len(sealed) < aead.NonceSize() {
		return "", refused
	}
	token, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], c.bound())
	if err != nil {
		return "", refused
	}
	return string(token), nil
}
