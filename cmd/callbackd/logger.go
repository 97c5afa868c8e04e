package main

import (
	"io"
	"log/slog"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// newLogger makes the logger that the configuration asks for.
func newLogger(w io.Writer, settings config.Config) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[settings.LogLevel]}
	if settings.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
