#include "membership/reach.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

using namespace std::chrono_literals;

/// Accused and alive, so often; says how often that was news.
int contradict(reach& r, unsigned times) {
  int news = 0;
  for (; times > 0; --times) {
    r.missed();
    news += r.contradicted(1s) ? 1 : 0;
  }
  return news;
}

TEST(Reach, IsInDoubtAfterSeveralContradictionsAndSaysSoOnce) {
  reach r;
  EXPECT_EQ(contradict(r, reach::enough - 1), 0);
  EXPECT_FALSE(r.is_unreached());
  EXPECT_EQ(contradict(r, 100), 1);
  EXPECT_TRUE(r.is_unreached());
}

TEST(Reach, NeedsBothAttemptsInVainAndContradictions) {
  reach silent;
  for (int i = 0; i < 100; ++i)
    silent.missed();
  EXPECT_FALSE(silent.is_unreached()) << "whoever is dead contradicts nothing";

  reach accused;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(accused.contradicted(1s)) << "others accuse it, and nobody tried here";
}

TEST(Reach, BeginsAnewWhenSomethingGetsIn) {
  reach r;
  contradict(r, reach::enough - 1);
  EXPECT_FALSE(r.reached()) << "it was in no doubt yet";
  contradict(r, reach::enough - 1);
  EXPECT_FALSE(r.is_unreached());
  contradict(r, 1);
  EXPECT_TRUE(r.reached());
  EXPECT_FALSE(r.is_unreached());
  EXPECT_FALSE(r.reached());
}

} // namespace
} // namespace starling::membership
