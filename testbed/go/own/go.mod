module spillway.dev/testbed/own

go 1.26.0
