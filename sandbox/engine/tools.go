//go:build tools

// Package engine keeps the pulumi CLI in go.mod and go.sum; it holds no code of its own.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
