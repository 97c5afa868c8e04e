package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Figure gives one of callbackd's figures, by its name as /metrics has it. One with labels is none.
func (s *Site) Figure(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.listen+"/metrics", http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask callbackd for its figures: %w", err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask callbackd for its figures: %w", err)
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, fmt.Errorf("read callbackd's figures: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("callbackd has no figure %s", name)
}
