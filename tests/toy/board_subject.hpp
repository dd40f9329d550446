#pragma once

// What the laws are tested on for the type with rows that the product does not have.

#include "crdt/board_type.hpp"
#include "tests/crdt/subject.hpp"

namespace starling::crdt {

struct board_subject : plain_subject<board_type> {
  static board_change change_of(unsigned choice) {
    board_change result;
    for (const auto* name : {"ann", "bob", "eve", "joe"}) {
      if (choice % 4 == 0)
        result.put.emplace(name, choice % 7);
      else if (choice % 4 == 1)
        result.drop.insert(name);
      choice /= 4;
    }
    return result;
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state&,
                                     unsigned choice) {
    return x.change(self, change_of(choice));
  }

  static command command_of(const state&, unsigned choice) { return change_of(choice); }

  static bool is_settled(const state& x) {
    return std::ranges::all_of(x.seen().replicas(), [](const auto& one) {
      return one.second.prefix() == one.second.last();
    });
  }
};

} // namespace starling::crdt
