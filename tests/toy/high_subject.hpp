#pragma once

// What the laws are tested on for the type that the product does not have.

#include "crdt/high_type.hpp"
#include "tests/crdt/subject.hpp"

namespace starling::crdt {

struct high_subject : plain_subject<high_type> {
  static std::optional<state> mutate(state& x, const replica_id&, const state& seen,
                                     unsigned choice) {
    return x.raise(choice % 3 == 0 ? seen.number() : choice % 100);
  }

  static command command_of(const state& seen, unsigned choice) {
    return high_raise{choice % 3 == 0 ? seen.number() : choice % 100};
  }
};

} // namespace starling::crdt
