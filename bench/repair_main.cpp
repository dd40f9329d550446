// Walks between two hash trees. Deterministic, but for the times.

#include "bench/repair.hpp"

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  const bool check = argc == 2 && std::string_view{argv[1]} == "--check";
  if (argc > 2 || (argc == 2 && !check)) {
    std::fputs("usage: bench_repair [--check]\n", stderr);
    return 2;
  }
  return starling::bench::repair(check) == 0 ? 0 : 1;
}
