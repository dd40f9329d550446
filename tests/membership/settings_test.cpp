#include "membership/settings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

bool is_about(const std::chrono::duration<double>& seconds, double wanted) {
  return std::abs(seconds.count() - wanted) < 0.005 * wanted;
}

template <class Change>
bool works(Change change) {
  settings s;
  change(s);
  return !complaint_about(s);
}

TEST(Settings, TheDefaultsWork) {
  EXPECT_EQ(complaint_about({}), std::nullopt);
}

// -- the formulas, against numbers worked out by hand for the published defaults --

TEST(Settings, TheShortestSuspicionIsAlphaTimesTheLogarithmOfTheGroup) {
  // alpha 4: 4 s up to 10 members, 8 s at 100, 8.4 s at 128, 12 s at 1,000.
  const settings s;
  EXPECT_EQ(suspicion_timeout(s, 3, 8), 4s);
  EXPECT_EQ(suspicion_timeout(s, 10, 8), 4s);
  EXPECT_TRUE(is_about(suspicion_timeout(s, 100, 8), 8.0));
  EXPECT_TRUE(is_about(suspicion_timeout(s, 128, 8), 8.43));
  EXPECT_TRUE(is_about(suspicion_timeout(s, 1000, 8), 12.0));
}

TEST(Settings, TheLongestSuspicionIsBetaTimesTheShortest) {
  const settings s;
  for (const std::size_t accusers : {0u, 1u}) {
    EXPECT_EQ(suspicion_timeout(s, 10, accusers), 24s);
    EXPECT_TRUE(is_about(suspicion_timeout(s, 100, accusers), 48.0));
    EXPECT_TRUE(is_about(suspicion_timeout(s, 128, accusers), 50.6));
    EXPECT_TRUE(is_about(suspicion_timeout(s, 1000, accusers), 72.0));
  }
}

TEST(Settings, EachConfirmationShortensTheSuspicionByTheLogarithm) {
  // max - (max - min) ln(c + 1) / ln(K + 1), with K = 3: half the way after one, 79 percent of it
  // after two.
  const settings s;
  EXPECT_EQ(suspicion_timeout(s, 10, 1), 24s);
  EXPECT_EQ(suspicion_timeout(s, 10, 2), 14s);
  EXPECT_TRUE(is_about(suspicion_timeout(s, 10, 3), 24 - 20 * 0.79248));
  EXPECT_EQ(suspicion_timeout(s, 10, 4), 4s);
  EXPECT_EQ(suspicion_timeout(s, 10, 5), 4s);
}

TEST(Settings, TheConfirmationsWantedAreFewerThanTheOthersWhoCouldAccuse) {
  const settings s;
  const std::vector<std::size_t> wanted{0, 0, 0, 1, 2, 3, 3, 3};
  for (std::size_t members = 0; members < wanted.size(); ++members)
    EXPECT_EQ(confirmations_wanted(s, members), wanted[members]) << members << " members";
}

TEST(Settings, TwoWhoCannotBeConfirmedUseTheShortestSuspicion) {
  EXPECT_EQ(suspicion_timeout({}, 2, 1), 4s);
  EXPECT_EQ(suspicion_timeout({}, 3, 1), 24s) << "a third protects";
  EXPECT_EQ(suspicion_timeout({}, 3, 2), 4s);
}

TEST(Settings, AnUpdateIsSentALogarithmAndSevenTimes) {
  // 9 times among 5 members, 12 among 99.
  const settings s;
  EXPECT_EQ(sends_of_an_update(s, 0), 8u);
  EXPECT_EQ(sends_of_an_update(s, 2), 8u);
  EXPECT_EQ(sends_of_an_update(s, 3), 9u);
  EXPECT_EQ(sends_of_an_update(s, 5), 9u);
  EXPECT_EQ(sends_of_an_update(s, 99), 12u);
  EXPECT_EQ(sends_of_an_update(s, 1000), 14u);
}

TEST(Settings, TablesAreExchangedMoreRarelyInLargeGroups) {
  const settings s;
  EXPECT_EQ(sync_period(s, 1), 30s);
  EXPECT_EQ(sync_period(s, 32), 30s);
  EXPECT_EQ(sync_period(s, 33), 60s);
  EXPECT_EQ(sync_period(s, 64), 60s);
  EXPECT_EQ(sync_period(s, 65), 90s);
  EXPECT_EQ(sync_period(s, 128), 90s);
  EXPECT_EQ(sync_period(s, 1000), 180s);
  EXPECT_EQ(sync_period(s, 10'000), 300s);
}

// -- what cannot work --

TEST(Settings, ANackMustBeAbleToArrive) {
  // memberlist's WAN defaults are refused: direct and helper's ping take longer than the interval.
  EXPECT_FALSE(works([](settings& s) {
    s.probe_interval = 5s;
    s.probe_timeout_max = 3s;
  }));
  // And its LAN defaults, which leave nothing for the way back.
  EXPECT_FALSE(works([](settings& s) {
    s.probe_interval = 1s;
    s.probe_timeout_max = 500ms;
  }));
  EXPECT_TRUE(works([](settings& s) { s.probe_timeout_max = 450ms; }));
  EXPECT_FALSE(works([](settings& s) { s.probe_timeout_max = 451ms; }));
  EXPECT_NE(complaint_about([] {
              settings s;
              s.probe_timeout_max = 451ms;
              return s;
            }())
                ->find("helpers cannot answer in time"),
            std::string::npos);
}

TEST(Settings, TheFirstTimeoutOfAProbeIsBetweenTheBounds) {
  const auto timeouts_work = [](duration least, duration first, duration greatest) {
    return works([&](settings& s) {
      s.probe_timeout_min = least;
      s.probe_timeout_first = first;
      s.probe_timeout_max = greatest;
    });
  };
  EXPECT_TRUE(timeouts_work(100ms, 300ms, 400ms));
  EXPECT_TRUE(timeouts_work(200ms, 200ms, 200ms));
  EXPECT_FALSE(timeouts_work(100ms, 99ms, 400ms));
  EXPECT_FALSE(timeouts_work(100ms, 401ms, 400ms));
  EXPECT_FALSE(timeouts_work(401ms, 401ms, 400ms));
  EXPECT_FALSE(timeouts_work(0ms, 100ms, 400ms));
}

TEST(Settings, IntervalsAndMultipliersArePositive) {
  EXPECT_FALSE(works([](settings& s) { s.suspicion_multiplier = 0; }));
  EXPECT_FALSE(works([](settings& s) { s.suspicion_max_multiplier = 0; }));
  EXPECT_FALSE(works([](settings& s) { s.gossip_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.sync_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.dead_probe_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.seed_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.seed_backoff_min = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.seed_backoff_min = 16s; }));
  EXPECT_FALSE(works([](settings& s) { s.stall_tolerance = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.notice_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.leave_interval = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.silent_intervals = 0; }));
  EXPECT_FALSE(works([](settings& s) { s.settled_intervals = 0; }));
  EXPECT_FALSE(works([](settings& s) { s.clock_tolerance = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.contest_wait_min = 0ms; }));
  EXPECT_FALSE(works([](settings& s) { s.contest_wait_min = 61s; }));
  EXPECT_TRUE(works([](settings& s) { s.contest_wait_min = 60s; }));
}

TEST(Settings, TheMarginOfANackHasToFitTwice) {
  EXPECT_FALSE(works([](settings& s) { s.nack_margin = 0ms; }));
  EXPECT_TRUE(works([](settings& s) { s.nack_margin = 50ms; }));
  EXPECT_FALSE(works([](settings& s) { s.nack_margin = 51ms; }));
  EXPECT_TRUE(works([](settings& s) {
    s.nack_margin = 100ms;
    s.probe_timeout_max = 400ms;
  }));
}

TEST(Settings, SomebodyHasToBeTold) {
  EXPECT_FALSE(works([](settings& s) { s.gossip_fanout = 0; }));
}

TEST(Settings, HealthHasRoomAndFitsIntoAByte) {
  EXPECT_FALSE(works([](settings& s) { s.health_max = 0; }));
  EXPECT_TRUE(works([](settings& s) { s.health_max = 1; }));
  EXPECT_FALSE(works([](settings& s) { s.health_max = 256; }));
}

TEST(Settings, PacketsFitIntoTheSmallestMtuAndHoldTheLargestMember) {
  EXPECT_FALSE(works([](settings& s) { s.packet_bytes = 1199; }));
  EXPECT_TRUE(works([](settings& s) { s.packet_bytes = 1200; }));
  EXPECT_TRUE(works([](settings& s) { s.packet_bytes = 1400; }));
  EXPECT_FALSE(works([](settings& s) { s.packet_bytes = 1401; }));
}

TEST(Settings, MembersAreBounded) {
  EXPECT_FALSE(works([](settings& s) { s.max_members = 0; }));
  EXPECT_TRUE(works([](settings& s) { s.max_members = members_max; }));
  EXPECT_FALSE(works([](settings& s) { s.max_members = members_max + 1; }));
  EXPECT_TRUE(works([](settings& s) { s.max_dead = members_max; }));
  EXPECT_FALSE(works([](settings& s) { s.max_dead = members_max + 1; }))
      << "two full tables could not be exchanged";
}

} // namespace

} // namespace starling::membership
