// SPDX-License-Identifier: Apache-2.0

// Code generated from codes.txt by go generate. DO NOT EDIT.

package remote

const (
	codeLoop            = 40
	codeNotDirectory    = 41
	codeIsDirectory     = 42
	codeSpecial         = 43
	codeGone            = 44
	codeDenied          = 45
	codeNameTooLong     = 46
	codeChanged         = 47
	codeReadFailed      = 48
	codeNoProcess       = 50
	codeRootDenied      = 51
	codeNoMember        = 52
	codePattern         = 53
	codeWriteFailed     = 55
	codeCut             = 56
	codeInTheWay        = 57
	codeOwner           = 58
	codeFull            = 59
	codeMissingTool     = 60
	codeNotOurs         = 61
	codeExists          = 62
	codeDirectoryClosed = 63
	codeSticky          = 64
	codeImmutable       = 65
)
