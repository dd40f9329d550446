#pragma once

// Histories for the laws that every type keeps: a few replicas that mutate their own states and
// exchange deltas, groups of deltas and whole states, of which any may come late, twice, in any
// order or never.
//
// A subject says what is tested: `state`, the type; `bottom()`; `mutate(state, self, seen,
// choice)`, which does what `choice` says as replica `self`, where `seen` is a state that its
// client has read, and returns the delta; `bytes(state)`, `decode(bytes)` and `elements_of(bytes)`;
// `is_settled(state)`, what must hold of a state that knows everything.

#include "crdt/replica_id.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace starling::crdt {

/// One step of a history. What the numbers mean is up to `history`, which takes them modulo what
/// there is.
struct step {
  unsigned kind = 0;
  unsigned replica = 0;
  unsigned first = 0;
  unsigned second = 0;

  friend std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << "{" << s.kind << ", " << s.replica << ", " << s.first << ", " << s.second << "}";
  }
};

template <class Subject>
class history {
public:
  using state = typename Subject::state;

  struct mutation {
    state before;
    std::optional<state> delta;
    state after;
  };

  struct join {
    state before;
    state message;
    std::optional<state> novelty;
    state after;
  };

  explicit history(const std::vector<step>& steps) : replicas(3, Subject::bottom()) {
    messages.push_back(Subject::bottom());
    reads.push_back(Subject::bottom());
    for (const auto& s : steps)
      take(s);
  }

  /// Any state or message of this history.
  const state& any(unsigned choice) const {
    choice %= replicas.size() + messages.size();
    return choice < replicas.size() ? replicas[choice] : messages[choice - replicas.size()];
  }

  /// Any number of messages, in any order, some perhaps twice.
  std::vector<state> some(const std::vector<unsigned>& choices) const {
    std::vector<state> result;
    for (const auto choice : choices)
      result.push_back(pick(messages, choice));
    return result;
  }

  std::vector<state> replicas;
  std::vector<state> messages; // deltas, novelties, groups of them, and whole states
  std::vector<mutation> mutations;
  std::vector<join> joins;

private:
  template <class T>
  static const T& pick(const std::vector<T>& from, unsigned choice) {
    return from[choice % from.size()];
  }

  void take(const step& s) {
    auto& here = replicas[s.replica % replicas.size()];
    switch (s.kind % 10) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const auto before = here;
      const auto self = replica_id::from(s.replica % replicas.size(), 7);
      const auto seen = s.first % 3 == 0 ? pick(reads, s.first / 3) : here;
      auto delta = Subject::mutate(here, self, seen, s.second);
      if (delta)
        messages.push_back(*delta);
      mutations.push_back({before, std::move(delta), here});
      return;
    }
    case 4:
    case 5:
    case 6: {
      const auto message = pick(messages, s.first);
      const auto before = here;
      auto novelty = here.join(message);
      if (novelty)
        messages.push_back(*novelty);
      joins.push_back({before, message, std::move(novelty), here});
      return;
    }
    case 7:
      messages.push_back(here);
      return;
    case 8: {
      auto group = pick(messages, s.first);
      group.join(pick(messages, s.second));
      messages.push_back(std::move(group));
      return;
    }
    default:
      reads.push_back(here);
    }
  }

  std::vector<state> reads;
};

/// Checks a property on many cases. RapidCheck prints the seed; RC_PARAMS="seed=..." repeats it.
template <class Property>
void expect_law(Property property) {
  auto params = rc::detail::configuration().testParams;
  params.maxSuccess = std::max(params.maxSuccess, 300);
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const auto result = rc::detail::checkTestable(
      property, rc::detail::TestMetadata{test->test_suite_name(), test->name()}, params);
  if (result.template is<rc::detail::SuccessResult>())
    return;
  std::ostringstream report;
  rc::detail::printResultMessage(result, report);
  FAIL() << report.str();
}

/// The join of two states, as a new one.
template <class State>
State joined(State x, const State& y) {
  x.join(y);
  return x;
}

} // namespace starling::crdt

namespace rc {

template <>
struct Arbitrary<starling::crdt::step> {
  static Gen<starling::crdt::step> arbitrary() {
    using starling::crdt::step;
    const auto number = gen::resize(kNominalSize, gen::inRange(0u, 1000u));
    return gen::build<step>(gen::set(&step::kind, number), gen::set(&step::replica, number),
                            gen::set(&step::first, number), gen::set(&step::second, number));
  }
};

} // namespace rc
