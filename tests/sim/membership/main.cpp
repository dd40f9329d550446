// Random runs of whole clusters of membership cores, checked all the time.

#include "tests/sim/membership/world.hpp"
#include "tests/sim/simulator.hpp"

int main(int count, char** words) {
  using namespace starling::simulation;
  return simulator<world>{"membership"}.main({words + 1, words + count});
}
