#include "system/exhaustion.hpp"

#include <exception>
#include <gmock/gmock.h>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace starling::system {
namespace {

using testing::ExitedWithCode;
using testing::HasSubstr;

template <class T>
std::string described(const T& thrown) {
  return describe_exhaustion(std::make_exception_ptr(thrown)).value_or("");
}

std::system_error no_thread() {
  return std::system_error{std::make_error_code(std::errc::resource_unavailable_try_again)};
}

TEST(Exhaustion, IsWhatTheSystemDoesNotGive) {
  EXPECT_THAT(described(std::bad_alloc{}), HasSubstr("no more memory"));
  EXPECT_THAT(described(no_thread()), HasSubstr("no further thread or memory (Resource temp"));
  EXPECT_THAT(described(std::system_error{std::make_error_code(std::errc::not_enough_memory)}),
              HasSubstr("no further thread or memory"));
}

TEST(Exhaustion, IsNothingElse) {
  EXPECT_EQ(described(std::logic_error{"a bug"}), "");
  EXPECT_EQ(described(std::system_error{std::make_error_code(std::errc::io_error)}), "");
  EXPECT_EQ(described(5), "");
  EXPECT_EQ(describe_exhaustion(nullptr), std::nullopt);
}

// Whoever throws is on no stack with a handler, as in main and in threads.
template <class T>
[[noreturn]] void throw_uncaught(const T& what) {
  end_in_words_on_exhaustion();
  std::thread{[&]() { throw what; }}.join();
  std::abort();
}

TEST(ExhaustionDeathTest, EndsInWordsIfNobodyCatchesIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(throw_uncaught(no_thread()), ExitedWithCode(1), "starlingd: the system gives no");
}

TEST(ExhaustionDeathTest, AnythingElseAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(throw_uncaught(std::logic_error{"a bug"}), "a bug");
}

} // namespace
} // namespace starling::system
