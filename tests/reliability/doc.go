// Package reliability holds the daemon against the faults that it must survive:
// one test or more for each row of its reliability table, named TestRowNN. Rows
// 11, 12, 14, 18, 19, 21 and 22 are in ../perimeter.
//
// By default the tests run at a size that a laptop takes in a minute with the
// race detector; with INFERD_STRESS=1 they run at the table's sizes and print
// what they measured. Some look at /proc and so need Linux.
package reliability
