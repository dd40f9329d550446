// Random runs of clusters of whole nodes, checked all the time.

#include "sim/cluster/cluster.hpp"
#include "sim/simulator.hpp"

int main(int count, char** words) {
  using namespace starling::simulation;
  return simulator<cluster>{"cluster"}.main({words + 1, words + count});
}
