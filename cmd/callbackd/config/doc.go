// Package config is in charge of what an administrator sets: it reads the configuration file, the
// environment and the flags, refuses what it does not know, and gives the rest as one Config.
//
// Each key of the table in keys.go has the same meaning wherever it is set. A flag wins over the
// environment, the environment over the file, the file over the default:
//
//	--ari-url  >  CALLBACKD_ARI_URL  >  ari.url in the file  >  the default
//
// Skills stand in the file only. Every mistake is found before anything is started, all of them at
// once, each with its place: file and line, variable or flag.
package config
