package script_test

import "testing"

// What a caller sends as a number does not choose what is asked of a server.
func TestAVariableDoesNotLeadToAnotherPathOfTheServer(t *testing.T) {
	c := began(t, `type: Phone
start: dots
actions:
  dots: {Assign: {Set: {ani: ".."}}, branches: {Default: crm}}
  crm: {WebRequest: {URL: "https://crm.example/customers/{ani}/orders"}, branches: {Default: asked, OnError: refused}}
  asked: {Log: {Text: asked}}
  refused: {Log: {Text: "{_ERR}"}}
`)
	if c.state.Action != "refused" {
		t.Errorf("stands at %s", c.state.Action)
	}
}
