"""The rules of the policy pack on a graph. One module for each kind of object; `questions.check` runs them all."""
