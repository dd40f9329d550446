#include "http/service_problem.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

using node::service_error;
using enum node::service_error;

const crdt::key visits{crdt::type::counter, "visits"};

constexpr service_error all_errors[] = {
    internal,    no_such_key, counter_range, exhausted,    value_too_large, disk_full,
    disk_failed, unreadable,  being_mended,  newer_format, key_busy,        leaving,
    stopping,    timed_out,   write_unknown, write_cut_off};

TEST(ServiceProblem, SaysOfAWriteWhatTheServiceSaysOfIt) {
  for (const auto why : all_errors) {
    const auto is_unknown =
        outcome_of(problem_of_write(visits, why).code) == write_outcome::nobody_knows;
    EXPECT_EQ(is_unknown, may_have_happened(why)) << problem_of_write(visits, why).detail;
  }
}

TEST(ServiceProblem, HasASentenceForEachError) {
  for (const auto why : all_errors) {
    EXPECT_FALSE(problem_of(why).detail.empty());
    EXPECT_EQ(problem_of(why).code == problem_code::internal, why == internal);
  }
}

TEST(ServiceProblem, NamesTheTypeOfAKeyThatIsNotThere) {
  EXPECT_EQ(problem_of_read(visits, no_such_key).detail,
            "no write to this counter has reached this node");
}

TEST(ServiceProblem, SaysThatAWriteMayStillHappenOfWritesOnly) {
  EXPECT_NE(problem_of_write(visits, timed_out).detail.find("may still happen"), std::string::npos);
  EXPECT_EQ(problem_of_read(visits, timed_out).detail.find("may still happen"), std::string::npos);
}

TEST(ServiceProblem, SaysOfAReportThatTheNodeCouldNotTell) {
  EXPECT_EQ(problem_of_report(internal).detail, "the node could not tell how it is");
  EXPECT_EQ(problem_of_report(timed_out).code, problem_code::timed_out);
}

TEST(ServiceProblem, SaysWhatANodeIsNotReadyForInTheTitle) {
  const auto why = problem_of(node::unreadiness{node::unreadiness::cause::disk_full, "no room"});
  EXPECT_EQ(why.code, problem_code::not_ready);
  EXPECT_EQ(why.title, "The disk of this node is full");
  EXPECT_EQ(why.detail, "nothing can be written: no room");
}

} // namespace
} // namespace starling::http
