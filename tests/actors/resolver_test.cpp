#include "actors/resolver.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <vector>

namespace starling::actors {
namespace {

using membership::udp_address;

// The system's own resolver, asked only for what it knows without a network.
class Resolver : public ::testing::Test {
protected:
  struct config : caf::actor_system_config {
    config() { set("caf.scheduler.max-threads", 2); }
  };

  /// The first address of a name; nothing if the resolver says that it finds none.
  std::optional<udp_address> resolve(system::address_family wanted, const std::string& name) {
    const auto all = resolve_all(wanted, name);
    return all.empty() ? std::nullopt : std::optional{all.front()};
  }

  std::vector<udp_address> resolve_all(system::address_family wanted, const std::string& name) {
    const auto resolver = spawn_resolver(sys, wanted);
    std::vector<udp_address> result;
    caf::scoped_actor self{sys};
    self->request(resolver, std::chrono::seconds{15}, resolve_atom_v, name)
        .receive(
            [&](const std::vector<udp_address>& found) { result = found; },
            [](const caf::error& why) { EXPECT_EQ(why, errc::unreachable) << to_string(why); });
    self->send_exit(resolver, caf::exit_reason::user_shutdown);
    return result;
  }

  const bool types_are_registered_ = (register_types(), true);
  config config_;
  caf::actor_system sys{config_};
};

TEST_F(Resolver, ReadsAddresses) {
  EXPECT_EQ(resolve(system::address_family::v4, "127.0.0.1:9080"),
            udp_address::v4(127, 0, 0, 1, 9080));
  EXPECT_EQ(resolve(system::address_family::both, "10.1.2.3:1"), udp_address::v4(10, 1, 2, 3, 1));
  udp_address v6;
  v6.ip.back() = 1;
  v6.port = 9080;
  EXPECT_EQ(resolve(system::address_family::v6, "[::1]:9080"), v6);
}

TEST_F(Resolver, FindsNamesThatThisMachineKnows) {
  EXPECT_EQ(resolve(system::address_family::v4, "localhost:9080"),
            udp_address::v4(127, 0, 0, 1, 9080));
}

TEST_F(Resolver, FindsEachAddressOnce) {
  const auto all = resolve_all(system::address_family::both, "localhost:9080");

  EXPECT_FALSE(all.empty());
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
}

TEST_F(Resolver, FindsNoAddressOfAnotherFamily) {
  EXPECT_EQ(resolve(system::address_family::v4, "[::1]:9080"), std::nullopt);
  EXPECT_EQ(resolve(system::address_family::v6, "127.0.0.1:9080"), std::nullopt);
}

TEST_F(Resolver, FindsNothingForNonsense) {
  for (const std::string name : {"", "nonsense", "a:b", "host:99999"})
    EXPECT_EQ(resolve(system::address_family::both, name), std::nullopt) << name;
}

} // namespace
} // namespace starling::actors
