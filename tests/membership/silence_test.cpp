#include "membership/silence.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

TEST(Silence, NeedsAFailedProbeAndALongWait) {
  silence quiet{2s};
  quiet.begin(10s);
  EXPECT_FALSE(quiet.begins(100s)) << "nobody had to say anything";
  EXPECT_EQ(quiet.next_due(), std::nullopt);

  silence fresh{2s};
  fresh.begin(10s);
  fresh.probe_failed();
  EXPECT_FALSE(fresh.begins(12s));
  EXPECT_EQ(fresh.next_due(), 12s + 1us);
  EXPECT_TRUE(fresh.begins(12s + 1us));
  EXPECT_TRUE(fresh.is_cut_off());
}

TEST(Silence, IsToldOnce) {
  silence s{2s};
  s.probe_failed();
  EXPECT_TRUE(s.begins(3s));
  EXPECT_FALSE(s.begins(4s));
  EXPECT_EQ(s.next_due(), std::nullopt);
  EXPECT_TRUE(s.heard(5s));
  EXPECT_FALSE(s.heard(6s));
  EXPECT_FALSE(s.is_cut_off());
}

TEST(Silence, ThatEndedNeedsAnotherFailedProbe) {
  silence s{2s};
  s.probe_failed();
  EXPECT_FALSE(s.heard(1s)) << "it had not begun";
  EXPECT_FALSE(s.begins(100s));
  s.probe_failed();
  EXPECT_TRUE(s.begins(100s));
}

TEST(Silence, DoesNotCountTheTimeInWhichThisProcessDidNotRun) {
  silence s{2s};
  s.begin(10s);
  s.probe_failed();
  s.absorb({11s, 20s}, 31s);
  EXPECT_EQ(s.next_due(), 32s + 1us);

  s.heard(31s);
  s.probe_failed();
  s.absorb({11s, 20s}, 31s);
  EXPECT_EQ(s.next_due(), 33s + 1us) << "what was heard is never in the future";
}

} // namespace
} // namespace starling::membership
