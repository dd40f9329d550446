#include "actors/awaited.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;

TEST(Awaited, IsToldToTheThreadThatWaits) {
  awaited<std::string> answer;
  std::thread other{[tell = answer.receiver()] { tell("yes"); }};

  EXPECT_EQ(answer.wait(), "yes");

  other.join();
}

TEST(Awaited, IsNothingAsLongAsNobodyTells) {
  awaited<std::string> answer;
  const auto tell = answer.receiver();
  EXPECT_EQ(answer.wait_for(0s), std::nullopt);

  tell("yes");

  EXPECT_EQ(answer.wait_for(0s), "yes");
}

TEST(Awaited, NeedNotBeWaitedFor) {
  std::function<void(std::string)> tell;
  {
    const awaited<std::string> answer;
    tell = answer.receiver();
  }
  tell("too late");
}

} // namespace
} // namespace starling::actors
