// Baseline runs one of the servers that inferd is measured against.
package main
