// Random runs of whole clusters of membership cores, checked all the time.

#include "sim/membership/world.hpp"
#include "sim/simulator.hpp"

int main(int count, char** words) {
  using namespace starling::simulation;
  return simulator<world>{"membership"}.main({words + 1, words + count});
}
