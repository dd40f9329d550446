#include "replication/delta_log.hpp"

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

/// What such an entry counts for in a log.
std::size_t bytes_of(std::size_t size) {
  delta_log log{SIZE_MAX};
  log.append(k, delta_of(size), std::nullopt);
  return log.bytes();
}

/// A log of five entries of one size, bounded to `entries_max` of them.
delta_log five_entries(std::size_t entries_max) {
  delta_log log{entries_max * bytes_of(10)};
  for (std::uint64_t i = 1; i <= 5; ++i)
    log.append(k, delta_of(10), session_id{i});
  return log;
}

TEST(DeltaLog, IsEmptyAtFirst) {
  const delta_log log{100};

  EXPECT_EQ(log.last(), 0u);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_TRUE(log.reaches_back_to(0));
}

TEST(DeltaLog, NumbersEntriesFromOneInTheirOrder) {
  const auto log = five_entries(10);

  EXPECT_EQ(log.last(), 5u);
  for (std::uint64_t i = 1; i <= 5; ++i)
    EXPECT_EQ(log.at(i).heard_from, session_id{i});
}

TEST(DeltaLog, KeepsWhatItIsGiven) {
  delta_log log{1000};
  log.append(k, delta_of(3), std::nullopt);

  EXPECT_EQ(log.at(1).delta.key, k);
  EXPECT_EQ(log.at(1).delta.bytes, delta_of(3).encode());
  EXPECT_EQ(log.at(1).heard_from, std::nullopt);
}

TEST(DeltaLog, CountsTheBytesOfItsEntriesAndTheirKeys) {
  delta_log log{1000};
  log.append(k, delta_of(3), std::nullopt);
  EXPECT_GE(log.bytes(), k.name.size() + delta_of(3).encode().size());
  EXPECT_EQ(log.bytes(), log.at(1).delta.size());

  log.append(k, delta_of(5), std::nullopt);
  EXPECT_EQ(log.bytes(), log.at(1).delta.size() + log.at(2).delta.size());
  EXPECT_EQ(log.at(2).delta.size(), log.at(1).delta.size() + 2);
}

TEST(DeltaLog, CountsNoLessThanTheEntryTakesInAMessage) {
  delta_log log{1000};
  log.append(k, delta_of(3), std::nullopt);

  const auto empty = encode_message({}, {}, 1, {}).size();
  const auto with = encode_message({}, {}, 1, {{k, delta_of(3).encode()}}).size();
  EXPECT_GE(log.bytes(), with - empty);
}

TEST(DeltaLog, IsFullWithExactlyItsBound) {
  const auto log = five_entries(5);

  EXPECT_EQ(log.size(), 5u);
  EXPECT_EQ(log.bytes(), 5 * bytes_of(10));
}

TEST(DeltaLog, DropsTheOldestBeyondItsBound) {
  const auto log = five_entries(3);

  EXPECT_EQ(log.size(), 3u);
  EXPECT_EQ(log.bytes(), 3 * bytes_of(10));
  EXPECT_EQ(log.last(), 5u);
  EXPECT_EQ(log.at(3).heard_from, session_id{3});
}

TEST(DeltaLog, DropsAsManyAsOneLargeEntryNeeds) {
  delta_log log{bytes_of(40)};
  log.append(k, delta_of(1), std::nullopt);
  log.append(k, delta_of(1), std::nullopt);
  log.append(k, delta_of(40), std::nullopt);

  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(log.at(3).delta.bytes, delta_of(40).encode());
}

TEST(DeltaLog, KeepsNothingOfAnEntryThatAloneIsBeyondTheBound) {
  delta_log log{bytes_of(40) - 1};
  log.append(k, delta_of(1), std::nullopt);
  log.append(k, delta_of(40), std::nullopt);

  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_EQ(log.last(), 2u) << "numbers are never used twice";
  EXPECT_FALSE(log.reaches_back_to(1));
  EXPECT_TRUE(log.reaches_back_to(2));

  log.append(k, delta_of(2), std::nullopt);
  EXPECT_EQ(log.last(), 3u);
  EXPECT_EQ(log.at(3).delta.bytes, delta_of(2).encode());
}

TEST(DeltaLog, ReachesBackToJustBeforeItsOldestEntry) {
  const auto log = five_entries(3); // holds 3, 4, 5

  EXPECT_FALSE(log.reaches_back_to(0));
  EXPECT_FALSE(log.reaches_back_to(1));
  EXPECT_TRUE(log.reaches_back_to(2));
  EXPECT_TRUE(log.reaches_back_to(5));
}

TEST(DeltaLog, DropsThroughANumber) {
  auto log = five_entries(5);

  log.drop_through(3);

  EXPECT_EQ(log.size(), 2u);
  EXPECT_EQ(log.bytes(), 2 * bytes_of(10));
  EXPECT_EQ(log.at(4).heard_from, session_id{4});
  EXPECT_TRUE(log.reaches_back_to(3));
  EXPECT_FALSE(log.reaches_back_to(2));
}

TEST(DeltaLog, DropsNothingTwice) {
  auto log = five_entries(5);

  log.drop_through(3);
  log.drop_through(0);
  log.drop_through(3);

  EXPECT_EQ(log.size(), 2u);
}

TEST(DeltaLog, GoesOnNumberingWhenItIsEmptyAgain) {
  auto log = five_entries(5);

  log.drop_through(5);
  EXPECT_EQ(log.bytes(), 0u);
  EXPECT_EQ(log.last(), 5u);

  log.append(k, delta_of(1), std::nullopt);
  EXPECT_EQ(log.last(), 6u);
  EXPECT_EQ(log.at(6).delta.bytes, delta_of(1).encode());
}

} // namespace
} // namespace starling::replication
