#pragma once

// One probe of one member: a ping, and what is tried when it is not answered.

#include "membership/member.hpp"
#include "membership/stall.hpp"

#include <array>

namespace starling::membership {

struct probe {
  static constexpr std::size_t helpers_max = 8;

  std::uint64_t number = 0;
  node_id target;
  udp_address address; // where the ping went
  duration started{0};
  duration direct_end{0}; // from then on helpers are asked
  duration end{0};        // from then on it has failed
  bool indirect = false;
  std::size_t helpers = 0;
  std::array<node_id, helpers_max> asked{}; // those helpers
  std::size_t nacks = 0;
  std::array<node_id, helpers_max> nacked{};

  /// The deadlines that ran while this process did not are moved.
  void absorb(const stall& s) {
    if (!s.concerns(started))
      return;
    started += s.late;
    direct_end += s.late;
    end += s.late;
  }

  bool asked_for_help(const node_id& helper) const {
    for (std::size_t i = 0; i < helpers; ++i)
      if (asked[i] == helper)
        return true;
    return false;
  }

  /// Counts one nack of each helper.
  void note_nack(const node_id& helper) {
    for (std::size_t i = 0; i < nacks; ++i)
      if (nacked[i] == helper)
        return;
    if (nacks < helpers_max && asked_for_help(helper))
      nacked[nacks++] = helper;
  }
};

} // namespace starling::membership
