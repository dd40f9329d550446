#include "crdt/command.hpp"
#include "tests/crdt/laws.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>

namespace starling::crdt {
namespace {

template <class State>
struct plain_subject {
  using state = State;
  static state bottom() { return {}; }
  static std::string bytes(const state& x) { return bytes_of(x); }
  static wire::decoded<state> decode(const std::string& bytes) { return decoded<state>(bytes); }
  static bool is_settled(const state&) { return true; }
};

struct counter_subject : plain_subject<pn_counter> {
  static std::int64_t amount(unsigned choice) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr std::array<std::int64_t, 7> amounts{1, -1, 5, -300, most, -most, -most - 1};
    return amounts[choice % amounts.size()];
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state&,
                                     unsigned choice) {
    return x.add(self, amount(choice));
  }
};

const std::array<payload, 4> payloads{text("apple"), text("pear"), payload{payload_kind::json, "1"},
                                      payload{payload_kind::bytes, {"\0\xff", 2}}};

struct register_subject : plain_subject<lww_register> {
  static lww_register::stamp wall(unsigned choice) {
    constexpr std::array<lww_register::stamp, 5> readings{
        0, 1000, 1001, lww_register::wall_limit - 1, ~lww_register::stamp{0}};
    return readings[choice % readings.size()];
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state&,
                                     unsigned choice) {
    return x.assign(self, wall(choice), payloads[choice / 5 % payloads.size()]);
  }
};

struct set_subject : plain_subject<or_set> {
  static std::optional<state> mutate(state& x, const replica_id& self, const state& seen,
                                     unsigned choice) {
    const auto& member = payloads[choice / 4 % payloads.size()];
    switch (choice % 4) {
    case 0:
      return x.add(self, member);
    case 1:
      return x.add(self, member, seen.context(member));
    case 2:
      return x.remove(self, member, seen.context(member));
    default:
      return x.join(seen.part({member})); // one member that a repair found different
    }
  }

  static bool is_settled(const state& x) {
    return std::all_of(x.clocks().begin(), x.clocks().end(),
                       [](const auto& clock) {
                         return std::all_of(clock.second.begin(), clock.second.end(),
                                            [](const auto& e) { return e.live; });
                       }) &&
           std::all_of(x.seen().replicas().begin(), x.seen().replicas().end(),
                       [](const auto& r) { return r.second.prefix() == r.second.last(); });
  }
};

/// The same through commands on values.
template <type Type>
struct value_subject {
  using state = value;
  static state bottom() { return value{Type}; }
  static std::string bytes(const state& x) { return x.encode(); }
  static wire::decoded<state> decode(const std::string& bytes) { return value::decode(bytes); }

  static bool is_settled(const state& x) {
    return Type != type::set || set_subject::is_settled(x.as<or_set>());
  }

  static command command_of(const state& seen, unsigned choice) {
    switch (Type) {
    case type::counter:
      return counter_add{counter_subject::amount(choice)};
    case type::register_:
      return register_assign{payloads[choice / 5 % payloads.size()]};
    case type::set: {
      // No member is in both lists or twice in one.
      set_change change;
      for (const auto& member : payloads) {
        auto& list = choice % 2 == 0 ? change.add : change.remove;
        if (choice % 3 == 0)
          list.push_back({member, std::nullopt});
        else if (choice % 3 == 1)
          list.push_back({member, seen.as<or_set>().context(member)});
        choice /= 2;
      }
      return change;
    }
    }
    return counter_add{1};
  }

  static std::optional<state> mutate(state& x, const replica_id& self, const state& seen,
                                     unsigned choice) {
    auto result = apply(x, command_of(seen, choice), self, register_subject::wall(choice));
    if (auto* delta = std::get_if<std::optional<value>>(&result))
      return std::move(*delta);
    return std::nullopt;
  }
};

template <class Subject>
class Laws : public testing::Test {};

struct subject_names {
  template <class Subject>
  static std::string GetName(int i) {
    constexpr std::array names{"Counter",      "Register",      "Set",
                               "CounterValue", "RegisterValue", "SetValue"};
    return names[static_cast<std::size_t>(i)];
  }
};

using subjects =
    testing::Types<counter_subject, register_subject, set_subject, value_subject<type::counter>,
                   value_subject<type::register_>, value_subject<type::set>>;
TYPED_TEST_SUITE(Laws, subjects, subject_names);

using steps = std::vector<step>;
using choices = std::vector<unsigned>;

TYPED_TEST(Laws, JoinIsCommutative) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT(joined(x, y) == joined(y, x));
    }
  });
}

TYPED_TEST(Laws, JoinIsAssociative) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      const auto& z = h.any(choice / 10000);
      RC_ASSERT(joined(joined(x, y), z) == joined(x, joined(y, z)));
    }
  });
}

TYPED_TEST(Laws, JoinIsIdempotent) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      auto x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT(!x.join(x));
      x.join(y);
      const auto once = x;
      RC_ASSERT(!x.join(y));
      RC_ASSERT(x == once);
    }
  });
}

TYPED_TEST(Laws, DeltaMakesTheMutatedState) {
  expect_law([](const steps& s) {
    for (const auto& [before, delta, after] : history<TypeParam>(s).mutations) {
      RC_ASSERT(delta.has_value() == (before != after));
      if (delta)
        RC_ASSERT(joined(before, *delta) == after);
    }
  });
}

TYPED_TEST(Laws, JoinReturnsNothingExactlyWhenNothingChanged) {
  expect_law([](const steps& s) {
    for (const auto& [before, message, novelty, after] : history<TypeParam>(s).joins) {
      RC_ASSERT(novelty.has_value() == (before != after));
      if (novelty)
        RC_ASSERT(*novelty != TypeParam::bottom());
    }
  });
}

TYPED_TEST(Laws, NoveltyDoesWhatTheWholeDoesWhereverTheStateIsKnown) {
  expect_law([](const steps& s, unsigned choice) {
    const history<TypeParam> h(s);
    for (const auto& [before, message, novelty, after] : h.joins) {
      if (!novelty)
        continue;
      RC_ASSERT(joined(before, *novelty) == after);
      const auto& third = h.any(choice++);
      const auto whole = joined(joined(third, before), message);
      RC_ASSERT(joined(joined(third, before), *novelty) == whole);
      RC_ASSERT(joined(joined(third, *novelty), before) == whole);
    }
  });
}

TYPED_TEST(Laws, NoveltyHoldsNothingThatWasKnown) {
  expect_law([](const steps& s) {
    for (const auto& [before, message, novelty, after] : history<TypeParam>(s).joins) {
      if (!novelty)
        continue;
      auto again = before;
      RC_ASSERT(again.join(*novelty) == novelty);
    }
  });
}

TYPED_TEST(Laws, GroupOfDeltasEqualsItsDeltasOneByOne) {
  expect_law([](const steps& s, unsigned choice, const choices& order) {
    const history<TypeParam> h(s);
    auto group = TypeParam::bottom();
    auto one_by_one = h.any(choice);
    for (const auto& delta : h.some(order)) {
      group.join(delta);
      one_by_one.join(delta);
      RC_ASSERT(joined(h.any(choice), group) == one_by_one);
    }
  });
}

TYPED_TEST(Laws, OrderOfDeltasDoesNotMatter) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    auto deltas = h.some(order);
    auto forward = h.replicas[0];
    for (const auto& delta : deltas)
      forward.join(delta);
    auto backward = h.replicas[0];
    std::reverse(deltas.begin(), deltas.end());
    for (const auto& delta : deltas)
      backward.join(delta);
    RC_ASSERT(forward == backward);
  });
}

TYPED_TEST(Laws, EncodeThenDecodeIsTheIdentity) {
  expect_law([](const steps& s) {
    const history<TypeParam> h(s);
    for (unsigned i = 0; i < h.replicas.size() + h.messages.size(); ++i) {
      const auto& x = h.any(i);
      const auto back = TypeParam::decode(TypeParam::bytes(x));
      const auto* y = std::get_if<typename TypeParam::state>(&back);
      RC_ASSERT(y);
      RC_ASSERT(*y == x);
      // What was decoded works like what was encoded.
      const auto& other = h.any(i * 7 + 3);
      RC_ASSERT(joined(*y, other) == joined(x, other));
    }
  });
}

TYPED_TEST(Laws, EqualStatesHaveEqualBytes) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT((TypeParam::bytes(x) == TypeParam::bytes(y)) == (x == y));
      RC_ASSERT(TypeParam::bytes(joined(x, y)) == TypeParam::bytes(joined(y, x)));
    }
  });
}

TYPED_TEST(Laws, FullExchangeMakesReplicasEqualByteForByte) {
  expect_law([](const steps& s) {
    auto replicas = history<TypeParam>(s).replicas;
    for (int round = 0; round < 2; ++round)
      for (auto& to : replicas)
        for (const auto& from : replicas)
          to.join(from);
    for (const auto& x : replicas) {
      RC_ASSERT(TypeParam::bytes(x) == TypeParam::bytes(replicas[0]));
      RC_ASSERT(TypeParam::is_settled(x));
    }
  });
}

} // namespace
} // namespace starling::crdt
