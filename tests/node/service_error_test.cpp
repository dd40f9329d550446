#include "actors/types.hpp"
#include "node/service_error.hpp"

#include <caf/sec.hpp>
#include <gtest/gtest.h>

namespace starling::node {
namespace {

using actors::errc;

/// An error with a sentence is made of types that CAF has to know.
class ServiceError : public testing::Test {
protected:
  ServiceError() { actors::register_types(); }
};

TEST_F(ServiceError, SaysWhatAnErrorOfTheActorsIsForAClient) {
  for (const auto& [code, why] : {std::pair{errc::no_such_key, service_error::no_such_key},
                                  std::pair{errc::counter_range, service_error::counter_range},
                                  std::pair{errc::exhausted, service_error::exhausted},
                                  std::pair{errc::value_too_large, service_error::value_too_large},
                                  std::pair{errc::disk_full, service_error::disk_full},
                                  std::pair{errc::disk_failed, service_error::disk_failed},
                                  std::pair{errc::unreadable, service_error::unreadable},
                                  std::pair{errc::being_mended, service_error::being_mended},
                                  std::pair{errc::newer_format, service_error::newer_format},
                                  std::pair{errc::key_busy, service_error::key_busy},
                                  std::pair{errc::write_unknown, service_error::write_unknown},
                                  std::pair{errc::bad_message, service_error::internal}})
    EXPECT_EQ(service_error_of(caf::make_error(code, "a sentence")), why) << to_string(code);
}

TEST_F(ServiceError, TakesAnErrorOfCafForAFaultOfOurs) {
  for (const auto number : {1, 2, 8}) // numbers that errors of the actors have as well
    EXPECT_EQ(service_error_of(caf::make_error(static_cast<caf::sec>(number))),
              service_error::internal);
}

TEST_F(ServiceError, SaysOfWhichNobodyKnowsWhetherTheWriteHappened) {
  using enum service_error;
  for (const auto why : {internal, timed_out, write_unknown, write_cut_off})
    EXPECT_TRUE(may_have_happened(why));
  for (const auto why :
       {no_such_key, counter_range, exhausted, value_too_large, disk_full, disk_failed, unreadable,
        being_mended, newer_format, key_busy, leaving, stopping})
    EXPECT_FALSE(may_have_happened(why));
}

} // namespace
} // namespace starling::node
