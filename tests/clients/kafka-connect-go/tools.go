// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Names the client's own program, so that go.mod and go.sum pin it and what it is built from.
package tools

import _ "github.com/go-kafka/connect/cmd/kafka-connect"
