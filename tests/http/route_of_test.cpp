#include "http/route_of.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

TEST(RouteOf, IsTheTemplateOfThePath) {
  EXPECT_EQ(route_of(read_request{{crdt::type::counter, "visits"}, {}}), "/counters/{key}");
  EXPECT_EQ(route_of(read_request{{crdt::type::set, "fruits"}, {}}), "/sets/{key}");
  EXPECT_EQ(route_of(read_request{{crdt::type::set, "fruits"}, crdt::one_member{}}),
            "/sets/{key}/members/{member}");
  EXPECT_EQ(route_of(write_request{{crdt::type::register_, "motd"}, {}}), "/registers/{key}");
  EXPECT_EQ(route_of(cluster_request{}), "/cluster");
  EXPECT_EQ(route_of(problem{}), "refused");
}

} // namespace
} // namespace starling::http
