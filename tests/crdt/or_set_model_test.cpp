#include "crdt/or_set.hpp"
#include "tests/crdt/dvvset.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

// The set against a model that anyone can check by hand: for every member a clock of its own, a
// dvvset whose values are marks, kept for ever.

namespace starling::crdt {
namespace {

struct mark {
  friend bool operator==(const mark&, const mark&) = default;
};
using mark_clock = dvvset<replica_id, mark>;
using clock_map = std::map<payload, mark_clock>;

const std::vector<replica_id> ids{a, b, c};
const std::vector<payload> names{text("apple"), text("fig"), text("pear")};

std::vector<payload> members_of(const clock_map& clocks) {
  std::vector<payload> result;
  for (const auto& [member, clock] : clocks)
    if (clock.size() > 0)
      result.push_back(member);
  return result;
}

void join(clock_map& mine, const clock_map& theirs) {
  for (const auto& [member, clock] : theirs) {
    const auto [at, is_new] = mine.try_emplace(member, clock);
    if (!is_new)
      at->second = mark_clock::sync(at->second, clock);
  }
}

/// The members as somebody sees them who turns pages.
std::vector<payload> members_by_page(const or_set& set) {
  std::vector<payload> result;
  for (auto page = set.members_after(payload_kind::text, std::nullopt, 2); !page.empty();
       page = set.members_after(payload_kind::text, page.back().data, 2))
    result.insert(result.end(), page.begin(), page.end());
  return result;
}

/// The seed of the first history: STARLING_SEED, or drawn at random.
std::uint64_t first_seed() {
  const auto* given = std::getenv("STARLING_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class randomness {
public:
  explicit randomness(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }

  template <class T>
  const T& one_of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

private:
  std::mt19937_64 engine_;
};

/// What a client has read of a member, in both worlds.
struct observation {
  version_vector real;
  mark_clock::version_vector model;
};

/// A replica in both worlds, and the log from which it sends.
///
/// As in a cluster, the log holds the novelties of its own mutations and of what it was sent; a
/// message is a group of entries that begins no later than where the receiver is. `states` is what
/// the replica was before each entry, so that a group can be held against the whole state.
struct replica {
  struct log_entry {
    or_set novelty;
    std::optional<std::size_t> from; // the replica that sent it
  };

  or_set real;
  clock_map model;
  std::vector<log_entry> log;
  std::vector<std::pair<or_set, clock_map>> states{{}};
  std::vector<std::size_t> received = std::vector<std::size_t>(ids.size()); // of each one's log

  void note(std::optional<or_set> novelty, std::optional<std::size_t> from) {
    if (novelty) {
      log.push_back({std::move(*novelty), from});
      states.emplace_back(real, model);
    } else {
      states.back() = {real, model}; // the model's clocks may learn what the set knew already
    }
  }
};

/// An add that a client was told of, the k-th of a member by a replica.
struct acknowledged {
  payload member;
  replica_id by;
  mark_clock::counter number;
  bool observed = false; // by a later add or remove
};

class world {
public:
  explicit world(std::uint64_t seed) : random_(seed), replicas_(ids.size()) {}

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      step();
      compare();
    }
    if (!testing::Test::HasFatalFailure())
      converge();
  }

private:
  void step() {
    const auto at = random_.below(ids.size());
    switch (random_.below(10)) {
    case 0:
    case 1:
    case 2:
      add(at);
      break;
    case 3:
    case 4:
      remove(at);
      break;
    case 5:
      read(at);
      break;
    case 6:
      send_part(at);
      break;
    case 7:
      send_old_state(at);
      break;
    default:
      send_group(at);
    }
  }

  /// What the client of an operation goes by: a read of this moment, an earlier one that may come
  /// from anywhere, or nothing.
  observation observed_by_client(std::size_t at, const payload& member) {
    if (random_.one_in(4))
      return {};
    if (random_.one_in(2) && !reads_[member].empty())
      return random_.one_of(reads_[member]);
    return observe(at, member);
  }

  observation observe(std::size_t at, const payload& member) const {
    const auto& here = replicas_[at];
    const auto found = here.model.find(member);
    return {here.real.context(member),
            found == here.model.end() ? mark_clock::version_vector{} : found->second.join()};
  }

  void mark_observed(const payload& member, const mark_clock::version_vector& context) {
    for (auto& add : adds_) {
      const auto found = context.find(add.by);
      if (add.member == member && found != context.end() && add.number <= found->second)
        add.observed = true;
    }
  }

  void add(std::size_t at) {
    auto& here = replicas_[at];
    const auto& member = random_.one_of(names);
    const auto seen = observed_by_client(at, member);
    auto& clock = here.model[member];
    clock = *mark_clock::update(mark_clock::of(seen.model, mark{}), clock, ids[at]);
    here.note(here.real.add(ids[at], member, seen.real), {});
    mark_observed(member, seen.model);
    adds_.push_back({member, ids[at], clock.entries().at(ids[at]).events});
  }

  void remove(std::size_t at) {
    auto& here = replicas_[at];
    const auto& member = random_.one_of(names);
    const auto seen = observed_by_client(at, member);
    join(here.model, {{member, mark_clock::of_list(seen.model, {})}});
    here.note(here.real.remove(ids[at], member, seen.real), {});
    mark_observed(member, seen.model);
  }

  void read(std::size_t at) {
    const auto& member = random_.one_of(names);
    reads_[member].push_back(observe(at, member));
  }

  void send_part(std::size_t at) {
    const auto& from = replicas_[at];
    const auto to = random_.below(ids.size());
    const std::vector<payload> some{random_.one_of(names), random_.one_of(names)};
    clock_map model;
    for (const auto& member : some)
      if (const auto found = from.model.find(member); found != from.model.end())
        model.insert(*found);
    receive(to, at, from.real.part(some), model);
  }

  void send_old_state(std::size_t at) {
    const auto& [real, model] = random_.one_of(replicas_[at].states);
    receive(random_.below(ids.size()), at, real, model);
  }

  /// A group of log entries, perhaps cut short, perhaps one that comes late or again.
  void send_group(std::size_t at) {
    const auto& from = replicas_[at];
    const auto to = random_.below(ids.size());
    if (to == at)
      return;
    auto& known = replicas_[to].received[at];
    const auto begin = random_.one_in(3) ? random_.below(known + 1) : known;
    const auto end = begin + random_.below(from.log.size() - begin + 1);
    or_set group;
    for (auto i = begin; i < end; ++i)
      if (from.log[i].from != to || random_.one_in(2)) // what came from there need not go back
        group.join(from.log[i].novelty);
    if (random_.one_in(4))
      return; // lost on the way

    const auto& [whole, model] = from.states[end];
    auto with_the_whole = replicas_[to].real;
    with_the_whole.join(whole);
    receive(to, at, group, model);
    known = std::max(known, end);
    ASSERT_EQ(replicas_[to].real, with_the_whole)
        << "a group differs from the state that it ends in";
  }

  void receive(std::size_t to, std::size_t from, const or_set& real, const clock_map& model) {
    auto& here = replicas_[to];
    join(here.model, clock_map{model});
    here.note(here.real.join(or_set{real}), from);
  }

  void compare() const {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& real = replicas_[i].real;
      const auto members = members_of(replicas_[i].model);
      ASSERT_EQ(real.members(), members) << "replica " << i;
      ASSERT_EQ(real.cardinality(), members.size()) << "replica " << i;
      ASSERT_EQ(or_set{real}.cardinality(), members.size()) << "the copy of replica " << i;
      ASSERT_EQ((or_set{real.seen(), real.rows()}.cardinality()), members.size());
      ASSERT_EQ(std::get<or_set>(decoded<or_set>(bytes_of(real))).cardinality(), members.size());
      ASSERT_EQ(members_by_page(real), members) << "replica " << i;
    }
  }

  void converge() {
    for (int round = 0; round < 2; ++round)
      for (auto& to : replicas_)
        for (const auto& from : replicas_) {
          to.real.join(from.real);
          join(to.model, from.model);
        }
    compare();
    for (const auto& here : replicas_) {
      ASSERT_EQ(bytes_of(here.real), bytes_of(replicas_[0].real));
      for (const auto& [member, clock] : here.real.rows())
        for (const auto& e : clock)
          ASSERT_TRUE(e.live) << "a dead entry of " << member.data;
      for (const auto& add : adds_)
        if (!add.observed) {
          ASSERT_TRUE(here.real.contains(add.member))
              << "add " << add.number << " of " << add.member.data << " was lost";
        }
    }
  }

  randomness random_;
  std::vector<replica> replicas_;
  std::map<payload, std::vector<observation>> reads_;
  std::vector<acknowledged> adds_;
};

TEST(OrSetModel, SetsEqualThoseOfOneClockPerMember) {
  const auto first = first_seed();
  RecordProperty("first_seed", std::to_string(first));
  for (auto seed = first; seed < first + 4000 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "STARLING_SEED=" << seed);
    world{seed}.run(40);
  }
}

/// With one member only, both number events alike, and what the set's entry and prefix say together
/// is what the clock says.
void expect_agreement(const or_set& set, const payload& member, const mark_clock& clock) {
  ASSERT_EQ(set.context(member), clock.join());
  std::vector<replica_id> held;
  if (const auto found = set.rows().find(member); found != set.rows().end())
    for (const auto& e : found->second)
      if (e.live) {
        held.push_back(e.replica);
        ASSERT_EQ(e.number, clock.join().at(e.replica));
      }
  std::vector<replica_id> marked;
  for (const auto& [id, e] : clock.entries())
    if (!e.values.empty())
      marked.push_back(id);
  ASSERT_EQ(held, marked);
}

TEST(OrSetModel, ClockIsTheDvvsetOfOneMark) {
  const auto member = text("apple");
  const auto first = first_seed();
  for (auto seed = first; seed < first + 2000 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "STARLING_SEED=" << seed);
    randomness random{seed};
    std::vector<or_set> sets(ids.size());
    std::vector<mark_clock> clocks(ids.size());
    std::vector<mark_clock::version_vector> reads{{}};
    for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
      const auto at = random.below(ids.size());
      const auto& seen = random.one_of(reads);
      switch (random.below(4)) {
      case 0:
        sets[at].add(ids[at], member, seen);
        clocks[at] = *mark_clock::update(mark_clock::of(seen, mark{}), clocks[at], ids[at]);
        break;
      case 1:
        sets[at].remove(ids[at], member, seen);
        clocks[at] = mark_clock::sync(clocks[at], mark_clock::of_list(seen, {}));
        break;
      case 2: {
        const auto from = random.below(ids.size());
        sets[at].join(or_set{sets[from]});
        clocks[at] = mark_clock::sync(clocks[at], clocks[from]);
        break;
      }
      default:
        reads.push_back(sets[at].context(member));
      }
      expect_agreement(sets[at], member, clocks[at]);
    }
  }
}

} // namespace
} // namespace starling::crdt
