#include "replication/delta_log.hpp"
#include "replication/message.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

const crdt::key k{crdt::type::register_, "k"};

/// A register that holds `size` bytes.
crdt::value delta_of(std::size_t size) {
  crdt::lww_register result;
  result.assign(crdt::replica_id::from(1, 1), 1,
                {crdt::payload_kind::bytes, std::string(size, 'x')});
  return result;
}

const session_id bob{2};
const session_id eve{3};

/// A log of five entries of one size, heard from sessions 1 to 5.
delta_log five_entries() {
  delta_log log;
  for (std::uint64_t i = 1; i <= 5; ++i)
    log.append(k, delta_of(10).encode(), session_id{i});
  return log;
}

bool was_heard_from(const delta_log& log, std::uint64_t number, session_id peer) {
  return log.rest(number, peer) == nullptr;
}

TEST(DeltaLog, IsEmptyAtFirst) {
  const delta_log log;

  EXPECT_EQ(log.last(), 0u);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_TRUE(log.reaches_back_to(0));
}

TEST(DeltaLog, NumbersEntriesFromOneInTheirOrder) {
  const auto log = five_entries();

  EXPECT_EQ(log.last(), 5u);
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_TRUE(was_heard_from(log, i, session_id{i}));
}

TEST(DeltaLog, KeepsWhatItIsGiven) {
  delta_log log;
  log.append(k, delta_of(3).encode(), std::nullopt);

  EXPECT_EQ(log.key_of(1), k);
  ASSERT_TRUE(log.rest(1, bob));
  EXPECT_EQ(*log.rest(1, bob), delta_of(3).encode());
}

TEST(DeltaLog, CountsTheBytesOfItsEntriesAndTheirKeys) {
  delta_log log;
  log.append(k, delta_of(3).encode(), std::nullopt);
  EXPECT_GE(log.bytes(), k.name.size() + delta_of(3).encode().size());
  const auto one = log.bytes();

  log.append(k, delta_of(5).encode(), std::nullopt);
  EXPECT_EQ(log.bytes(), 2 * one + 2);
  log.append(k, delta_of(3).encode(), bob);
  EXPECT_GT(log.bytes(), 3 * one + 2) << "that bob has it takes some, too";
}

TEST(DeltaLog, CountsNoLessThanTheEntryTakesInAMessage) {
  delta_log log;
  log.append(k, delta_of(3).encode(), std::nullopt);

  const auto empty = encode(message{{}, {}, 1}, {}).size();
  const auto with = encode(message{{}, {}, 1}, {{k, delta_of(3).encode()}}).size();
  EXPECT_GE(log.bytes(), with - empty);
}

TEST(DeltaLog, ReachesBackToJustBeforeItsOldestEntry) {
  auto log = five_entries();
  log.drop_through(2);

  EXPECT_FALSE(log.reaches_back_to(0));
  EXPECT_FALSE(log.reaches_back_to(1));
  EXPECT_TRUE(log.reaches_back_to(2));
  EXPECT_TRUE(log.reaches_back_to(5));
}

TEST(DeltaLog, DropsThroughANumber) {
  auto log = five_entries();
  const auto before = log.bytes();

  log.drop_through(3);

  EXPECT_EQ(log.size(), 2u);
  EXPECT_EQ(log.bytes(), 2 * before / 5);
  EXPECT_EQ(log.first(), 4u);
  EXPECT_TRUE(was_heard_from(log, 4, session_id{4}));
  EXPECT_TRUE(log.reaches_back_to(3));
  EXPECT_FALSE(log.reaches_back_to(2));
}

TEST(DeltaLog, DropsNothingTwice) {
  auto log = five_entries();

  log.drop_through(3);
  log.drop_through(0);
  log.drop_through(3);

  EXPECT_EQ(log.size(), 2u);
}

TEST(DeltaLog, GoesOnNumberingWhenItIsEmptyAgain) {
  auto log = five_entries();

  log.drop_through(5);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_EQ(log.last(), 5u);

  log.append(k, delta_of(1).encode(), std::nullopt);
  EXPECT_EQ(log.last(), 6u);
  EXPECT_EQ(*log.rest(6, bob), delta_of(1).encode());
}

// -- what a peer is known to have --

const crdt::key s{crdt::type::set, "s"};
const auto replica = crdt::replica_id::from(7, 7);

crdt::payload member(std::string_view name) {
  return {crdt::payload_kind::text, std::string{name}};
}

class DeltaLogRests : public ::testing::Test {
protected:
  crdt::value add(std::string_view name) { return *set_.add(replica, member(name)); }

  /// What the peer still lacks of an entry.
  std::optional<crdt::value> rest(std::uint64_t number, session_id peer = bob) const {
    const auto* bytes = log.rest(number, peer);
    if (bytes == nullptr)
      return std::nullopt;
    return std::get<crdt::value>(crdt::value::decode(*bytes));
  }

  static crdt::value join(crdt::value a, const crdt::value& b) {
    a.join(b);
    return a;
  }

  delta_log log;

private:
  crdt::or_set set_;
};

TEST_F(DeltaLogRests, WhatWasHeardFromOneOthersStillLack) {
  log.append(s, add("a").encode(), bob);

  EXPECT_FALSE(rest(1, bob));
  EXPECT_TRUE(rest(1, eve));
}

TEST_F(DeltaLogRests, WhatAPeerHasAcknowledgedItDoesNotLack) {
  for (const auto* name : {"a", "b", "c", "d", "e"})
    log.append(s, add(name).encode(), std::nullopt);
  log.drop_through(2);

  log.acknowledge(bob, 1, 4);
  log.acknowledge(eve, 4, 9);

  for (std::uint64_t number = 3; number <= 5; ++number) {
    EXPECT_EQ(rest(number, bob).has_value(), number > 4) << number;
    EXPECT_EQ(rest(number, eve).has_value(), number < 5) << number;
  }
}

TEST_F(DeltaLogRests, WhatAPeerSendsItDoesNotLack) {
  const auto a = add("a");
  const auto b = add("b");
  log.append(s, join(a, b).encode(), eve);

  log.heard(bob, s, a, 0);
  EXPECT_EQ(rest(1), b);
  log.heard(bob, s, a, 0);
  EXPECT_EQ(rest(1), b);
  log.heard(bob, s, b, 0);
  EXPECT_FALSE(rest(1));
}

TEST_F(DeltaLogRests, OnlyOfThatKeyAndPeerAndAboveTheCursor) {
  const auto a = add("a");
  const crdt::key other{crdt::type::set, "other"};
  log.append(s, a.encode(), std::nullopt);
  log.append(other, a.encode(), std::nullopt);
  log.append(s, a.encode(), std::nullopt);

  log.heard(bob, s, a, 1);

  EXPECT_TRUE(rest(1)) << "it was acknowledged, or soon will be";
  EXPECT_TRUE(rest(2));
  EXPECT_FALSE(rest(3));
  EXPECT_TRUE(rest(3, eve));
}

TEST_F(DeltaLogRests, WhatOneEntryBringsALaterOneNeedNot) {
  const auto a = add("a");
  const auto b = add("b");
  log.append(s, a.encode(), std::nullopt);
  log.append(s, join(a, b).encode(), std::nullopt);

  log.heard(bob, s, add("c"), 0);

  EXPECT_EQ(rest(1), a);
  EXPECT_EQ(rest(2), b) << "bob gets it after the first, or with it";
}

TEST_F(DeltaLogRests, AKillIsStillToldToWhomHasTheEvent) {
  crdt::or_set set;
  const crdt::value added = *set.add(replica, member("a"));
  const crdt::value removed = *set.remove(replica, member("a"), set.context(member("a")));
  log.append(s, removed.encode(), std::nullopt);

  log.heard(bob, s, added, 0);

  ASSERT_TRUE(rest(1));
  auto at_bob = added;
  at_bob.join(*rest(1));
  EXPECT_TRUE(at_bob.as<crdt::or_set>().members().empty());
}

TEST_F(DeltaLogRests, AForgottenPeerLacksEverything) {
  const auto a = add("a");
  log.append(s, a.encode(), std::nullopt);
  const auto before = log.bytes();
  log.heard(bob, s, a, 0);
  EXPECT_GT(log.bytes(), before);

  log.forget(bob);

  EXPECT_EQ(rest(1), a);
  EXPECT_EQ(log.bytes(), before);
}

TEST_F(DeltaLogRests, NothingIsLeftOfWhatIsDropped) {
  const auto a = add("a");
  for (int i = 0; i < 3; ++i)
    log.append(s, a.encode(), bob);
  log.drop_through(3);
  EXPECT_EQ(log.bytes(), 0u);

  log.heard(bob, s, a, 0); // nothing is there
  log.append(s, a.encode(), std::nullopt);
  EXPECT_TRUE(rest(4));
}

/// Three replicas write, and tell each other in random order with random losses what their logs say
/// is lacking: that and all of it lead to the same states.
TEST(DeltaLogRestsRandomly, TheRestDoesWhatTheWholeEntryDoes) {
  std::uint64_t random = 1;
  const auto draw = [&random](std::uint64_t below) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % below;
  };
  for (int run = 0; run < 300; ++run) {
    crdt::or_set sets[3];
    delta_log logs[3];
    std::uint64_t cursors[3][3] = {};
    const auto tell = [&](std::size_t from, std::size_t to) {
      const session_id receiver{to};
      auto& log = logs[from];
      std::optional<crdt::value> message;
      for (auto n = cursors[from][to] + 1; n <= log.last(); ++n)
        if (const auto* rest = log.rest(n, receiver)) {
          const auto part = std::get<crdt::value>(crdt::value::decode(*rest));
          if (message)
            message->join(part);
          else
            message = part;
        }
      if (message) {
        logs[to].heard(session_id{from}, s, *message, cursors[to][from]);
        if (const auto novelty = sets[to].join(message->as<crdt::or_set>()))
          logs[to].append(s, crdt::value{*novelty}.encode(), session_id{from});
      }
      if (draw(4) > 0) // or the acknowledgement is lost
        cursors[from][to] = log.last();
    };
    for (int step = 0; step < 60; ++step) {
      const auto i = draw(3);
      const auto e = member(std::string(1, static_cast<char>('a' + draw(4))));
      const auto self = crdt::replica_id::from(1, i);
      if (draw(2) == 0) {
        const auto delta = draw(3) > 0 ? sets[i].add(self, e, sets[i].context(e))
                                       : sets[i].remove(self, e, sets[i].context(e));
        if (delta)
          logs[i].append(s, crdt::value{*delta}.encode(), std::nullopt);
      } else {
        tell(i, (i + 1 + draw(2)) % 3);
      }
    }
    for (int round = 0; round < 20; ++round)
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j)
          if (i != j)
            tell(i, j);
    ASSERT_EQ(sets[0], sets[1]) << "run " << run;
    ASSERT_EQ(sets[1], sets[2]) << "run " << run;
  }
}

} // namespace
} // namespace starling::replication
