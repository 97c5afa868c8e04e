package asteriskconf

import "embed"

// Files holds the configuration (*.conf) and the prompts (sounds/en/callbackd),
// as an administrator copies them. site.conf in it is the commented sample,
// with values that fit no real site: see Site.
//
//go:embed *.conf sounds/en
var Files embed.FS
