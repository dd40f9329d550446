#include "tests/replication/network.hpp"

namespace starling::simulation {

void network::send(address from, address to, std::function<void()> arrive) {
  if (random_.chance(now.loss_percent))
    return;
  for (int copies = random_.chance(now.repeat_percent) ? 2 : 1; copies > 0; --copies)
    time_.after(random_.between(now.delay_min, now.delay_max), [this, from, to, arrive] {
      if (!is_cut(from, to))
        arrive();
    });
}

} // namespace starling::simulation
