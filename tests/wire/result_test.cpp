#include "wire/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace starling::wire {
namespace {

struct fault {
  std::string why;
};

using number = result<int, fault>;

TEST(Result, HasAValueOrAnError) {
  const number some = 5;
  EXPECT_TRUE(some);
  EXPECT_TRUE(some.has_value());
  EXPECT_EQ(*some, 5);

  const number none = fault{"none"};
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.has_value());
  EXPECT_EQ(none.error().why, "none");
}

TEST(Result, GivesItsContentAway) {
  result<std::unique_ptr<int>, fault> some = std::make_unique<int>(5);
  EXPECT_EQ(**some, 5);
  const auto taken = *std::move(some);
  EXPECT_EQ(*taken, 5);

  number none = fault{std::string(100, 'x')};
  EXPECT_EQ(std::move(none).error().why.size(), 100U);
}

TEST(Result, ReachesIntoItsValue) {
  result<std::string, fault> some = std::string{"five"};
  EXPECT_EQ(some->size(), 4U);
  *some += "!";
  EXPECT_EQ(*some, "five!");
}

TEST(Result, CanBeVisited) {
  const auto size_of = [](const result<std::string, int>& r) {
    return std::visit(
        [](const auto& x) -> std::size_t {
          if constexpr (std::is_same_v<std::decay_t<decltype(x)>, int>)
            return static_cast<std::size_t>(x);
          else
            return x.size();
        },
        r);
  };
  EXPECT_EQ(size_of(std::string{"four"}), 4U);
  EXPECT_EQ(size_of(7), 7U);
}

} // namespace
} // namespace starling::wire
