#include "actors/resolver.hpp"

#include "actors/end_on_error.hpp"
#include "membership/endpoint.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <memory>
#include <netdb.h>
#include <utility>
#include <vector>

namespace starling::actors {

namespace {

/// Looks up one name and ends.
class look_up_impl : public resolver_actor::base {
public:
  look_up_impl(caf::actor_config& cfg, system::address_family wanted)
      : resolver_actor::base(cfg), wanted_(wanted) {
    end_process_on_error(this);
  }

  const char* name() const override { return "look-up"; }

  behavior_type make_behavior() override {
    return {[this](resolve_atom, const std::string& address) {
      quit();
      return resolve(address);
    }};
  }

private:
  caf::result<std::vector<membership::udp_address>> resolve(const std::string& address) {
    const auto where = membership::parse_endpoint(address);
    if (!where)
      return caf::make_error(errc::unreachable, "not an address");
    addrinfo hints{};
    hints.ai_family = system::to_native(wanted_);
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const auto error =
            ::getaddrinfo(where->host.c_str(), std::to_string(where->port).c_str(), &hints, &found))
      return caf::make_error(errc::unreachable,
                             "cannot resolve the name: " + std::string{::gai_strerror(error)});
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, ::freeaddrinfo};
    std::vector<membership::udp_address> all;
    for (const auto* one = found; one != nullptr; one = one->ai_next)
      if (const auto known = system::from_native(*one->ai_addr))
        all.push_back(*known);
    if (all.empty())
      return caf::make_error(errc::unreachable, "no address of a family that is spoken here");
    std::ranges::sort(all, {}, [](const auto& x) { return std::pair{x.is_loopback(), x}; });
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    return all;
  }

  system::address_family wanted_;
};

class resolver_impl : public resolver_actor::base {
public:
  resolver_impl(caf::actor_config& cfg, system::address_family wanted)
      : resolver_actor::base(cfg), wanted_(wanted) {
    end_process_on_error(this);
  }

  const char* name() const override { return "resolver"; }

  behavior_type make_behavior() override {
    return {[this](resolve_atom, std::string& address) {
      return delegate(home_system().spawn<look_up_impl, caf::detached>(wanted_), resolve_atom_v,
                      std::move(address));
    }};
  }

private:
  system::address_family wanted_;
};

} // namespace

resolver_actor spawn_resolver(caf::actor_system& sys, system::address_family wanted) {
  return sys.spawn<resolver_impl>(wanted);
}

} // namespace starling::actors
