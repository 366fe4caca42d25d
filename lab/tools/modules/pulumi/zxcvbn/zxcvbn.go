// Package zxcvbn stands in for the estimate of a password's strength by which `pulumi config set` asks for --secret or
// --plaintext. The real one reads frequency lists whenever a program starts that could ask it: half of the processor
// time of a short command.
package zxcvbn

// Strength is the estimated strength of a password.
type Strength struct {
	Entropy float64 // bits
}

// PasswordStrength takes every character for a random one of sixteen: more values count as secrets, not fewer.
func PasswordStrength(password string, _ []string) Strength {
	return Strength{Entropy: 4 * float64(len(password))}
}
