# Each line calls `cargo xtask`, which says what it does and how long it took.
.PHONY: run dev check test bench setup build

run:    ; @cargo xtask run
dev:    ; @cargo xtask dev
check:  ; @cargo xtask check
test:   ; @cargo xtask test
bench:  ; @cargo xtask bench
setup:  ; @cargo xtask setup
build:  ; @cargo xtask build --release
