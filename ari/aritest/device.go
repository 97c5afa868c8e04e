package aritest

import (
	"net/http"
	"strings"
)

// ownDevices begins the names of the devices whose states programs set.
const ownDevices = "Stasis:"

func (s *Server) listDevices(*http.Request, map[string]any) (int, any, *failure) {
	list := []Device{}
	for name, state := range s.devices {
		if strings.HasPrefix(name, ownDevices) {
			list = append(list, Device{name, state})
		}
	}
	return http.StatusOK, list, nil
}

func (s *Server) getDevice(r *http.Request, _ map[string]any) (int, any, *failure) {
	name := r.PathValue("name")
	state, known := s.devices[name]
	switch {
	case known:
	case strings.HasPrefix(name, ownDevices):
		state = "UNKNOWN"
	default:
		state = "INVALID"
	}
	return http.StatusOK, Device{name, state}, nil
}

func (s *Server) putDevice(r *http.Request, body map[string]any) (int, any, *failure) {
	name := r.PathValue("name")
	if !strings.HasPrefix(name, ownDevices) {
		return 0, nil, refuse(http.StatusConflict, "Uncontrolled device specified")
	}
	state, _ := body["deviceState"].(string)
	s.changeDevice(name, state)
	return http.StatusNoContent, noContent, nil
}

func (s *Server) deleteDevice(r *http.Request, _ map[string]any) (int, any, *failure) {
	name := r.PathValue("name")
	if !strings.HasPrefix(name, ownDevices) {
		return 0, nil, refuse(http.StatusConflict, "Uncontrolled device specified")
	}
	s.changeDevice(name, "UNKNOWN")
	delete(s.devices, name) // one that nobody has set, too
	return http.StatusNoContent, noContent, nil
}

// changeDevice changes a device's state and tells who subscribed. The lock is held.
func (s *Server) changeDevice(name, state string) {
	s.devices[name] = state
	for _, a := range s.applications {
		if a.devices {
			s.send(a, Event{Type: "DeviceStateChanged", DeviceState: &Device{name, state}})
		}
	}
}
