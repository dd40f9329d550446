#include "sim/faults.hpp"

#include <algorithm>
#include <array>

namespace starling::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, fault_kinds> names{"loss",
                                                          "one-way-loss",
                                                          "burst",
                                                          "repeat",
                                                          "reorder",
                                                          "heavy-tail",
                                                          "corruption",
                                                          "partition",
                                                          "three-way",
                                                          "bridge",
                                                          "one-way-partition",
                                                          "tangle",
                                                          "no-datagrams",
                                                          "pause-io",
                                                          "pause-process",
                                                          "slow-cpu",
                                                          "drift",
                                                          "suspend",
                                                          "crash",
                                                          "crash-lost",
                                                          "crash-for-good",
                                                          "move",
                                                          "move-restart",
                                                          "clone",
                                                          "leave",
                                                          "rejoin",
                                                          "mass-restart",
                                                          "rolling-restart",
                                                          "rolling-rejoin",
                                                          "seeds-out",
                                                          "seeds-gone",
                                                          "swap-clusters",
                                                          "attacker",
                                                          "short-memory",
                                                          "disk-full",
                                                          "disk-damage",
                                                          "clock-ahead",
                                                          "set-back"};

// Sources of randomness of a seed: one for each kind, and one for what kinds there are.
constexpr std::uint64_t theme_stream = 1000;

enum class theme : std::uint8_t {
  everything,
  network,
  partitions,
  parted_churn,
  pauses,
  churn,
  calm,
  hostile
};

theme draw_theme(std::uint64_t seed) {
  dice random{seed, theme_stream};
  constexpr std::array themes{
      theme::everything,   theme::everything,   theme::everything, theme::everything,
      theme::network,      theme::network,      theme::partitions, theme::partitions,
      theme::parted_churn, theme::parted_churn, theme::pauses,     theme::pauses,
      theme::churn,        theme::calm,         theme::calm,       theme::hostile};
  return random.one_of(themes);
}

bool is_partition(fault_kind k) {
  return k >= fault_kind::partition && k <= fault_kind::tangle;
}

bool is_pause(fault_kind k) {
  return k == fault_kind::pause_io || k == fault_kind::pause_process;
}

bool is_churn(fault_kind k) {
  return (k >= fault_kind::crash && k <= fault_kind::rolling_rejoin && k != fault_kind::clone) ||
         k == fault_kind::short_memory || k == fault_kind::disk_full ||
         k == fault_kind::disk_damage || k == fault_kind::clock_ahead || k == fault_kind::set_back;
}

/// How likely a seed of a theme has faults of a kind.
double likelihood(theme t, fault_kind k) {
  switch (t) {
  case theme::everything:
    if (k == fault_kind::seeds_gone)
      return 0.1;
    return k >= fault_kind::mass_restart && k <= fault_kind::rolling_rejoin ? 0.08 : 0.2;
  case theme::network:
    return is_of_network(k) ? 0.4 : 0;
  case theme::partitions:
    return is_partition(k) ? 0.5 : k == fault_kind::loss || k == fault_kind::seeds_gone ? 0.3 : 0;
  case theme::parted_churn:
    return is_partition(k) ? 0.4 : is_churn(k) ? 0.3 : 0;
  case theme::pauses:
    return is_pause(k)                                                                  ? 0.6
           : k == fault_kind::repeat || k == fault_kind::drift || k == fault_kind::loss ? 0.3
                                                                                        : 0;
  case theme::churn:
    return is_churn(k) ? 0.3 : k == fault_kind::loss ? 0.3 : 0;
  case theme::hostile:
    return k == fault_kind::attacker                                                 ? 1.0
           : k == fault_kind::swap_clusters || k == fault_kind::clone || is_churn(k) ? 0.25
                                                                                     : 0;
  case theme::calm:
    return k == fault_kind::crash_for_good                   ? 0.7
           : k == fault_kind::loss || k == fault_kind::drift ? 0.3
                                                             : 0;
  }
  return 0;
}

/// How often at most a kind occurs in a run, and for how long each time.
struct extent {
  std::size_t most;
  duration shortest;
  duration longest;
};

extent extent_of(fault_kind k) {
  switch (k) {
  case fault_kind::drift:
  case fault_kind::short_memory:
    return {1, seconds{0}, seconds{0}};
  case fault_kind::pause_io:
  case fault_kind::pause_process:
  case fault_kind::suspend:
    return {4, milliseconds{100}, seconds{20}};
  case fault_kind::crash:
  case fault_kind::crash_lost:
  case fault_kind::move_restart:
  case fault_kind::disk_full:
  case fault_kind::disk_damage:
    return {3, milliseconds{100}, seconds{20}};
  case fault_kind::set_back:
    return {3, seconds{1}, seconds{40}};
  case fault_kind::clock_ahead:
    return {2, seconds{5}, seconds{40}};
  case fault_kind::rejoin:
    return {2, seconds{1}, seconds{15}};
  case fault_kind::leave:
  case fault_kind::crash_for_good:
  case fault_kind::move:
    return {2, seconds{1}, seconds{5}};
  case fault_kind::clone:
  case fault_kind::seeds_gone:
  case fault_kind::swap_clusters:
    return {1, seconds{1}, seconds{5}};
  case fault_kind::mass_restart:
    return {1, seconds{1}, seconds{15}};
  case fault_kind::rolling_restart:
  case fault_kind::rolling_rejoin:
    return {1, seconds{20}, seconds{40}};
  default:
    return {3, seconds{1}, seconds{60}};
  }
}

host_set draw_group(dice& random, std::size_t hosts) {
  host_set group;
  if (random.chance(0.3)) {
    group.set(random.below(hosts));
    return group;
  }
  for (std::size_t h = 0; h < hosts; ++h)
    group.set(h, random.chance(0.5));
  return group;
}

host_set all_but(const host_set& group, std::size_t hosts) {
  host_set rest;
  for (std::size_t h = 0; h < hosts; ++h)
    rest.set(h, !group[h]);
  return rest;
}

std::vector<links> both_ways(const host_set& a, const host_set& b) {
  return {{a, b}, {b, a}};
}

std::vector<links> links_of(fault_kind kind, dice& random, std::size_t hosts) {
  switch (kind) {
  case fault_kind::partition: {
    const auto group = draw_group(random, hosts);
    return both_ways(group, all_but(group, hosts));
  }
  case fault_kind::one_way_partition:
  case fault_kind::one_way_loss: {
    const auto group = draw_group(random, hosts);
    return {{group, all_but(group, hosts)}};
  }
  case fault_kind::three_way: {
    std::array<host_set, 3> groups;
    for (std::size_t h = 0; h < hosts; ++h)
      groups[random.below(3)].set(h);
    std::vector<links> result;
    for (std::size_t g = 0; g < 3; ++g)
      result.push_back({groups[g], all_but(groups[g], hosts)});
    return result;
  }
  case fault_kind::bridge: {
    const auto middle = random.below(hosts);
    auto group = draw_group(random, hosts);
    group.reset(middle);
    auto rest = all_but(group, hosts);
    rest.reset(middle);
    return both_ways(group, rest);
  }
  case fault_kind::tangle: {
    std::vector<links> result;
    const auto density = random.between(0.1, 0.9);
    for (std::size_t h = 0; h < hosts; ++h) {
      links one;
      one.from.set(h);
      for (std::size_t other = 0; other < hosts; ++other)
        one.to.set(other, random.chance(density));
      result.push_back(one);
    }
    return result;
  }
  case fault_kind::loss: {
    if (random.chance(0.5))
      return {};
    const auto group = draw_group(random, hosts);
    return both_ways(group, all_but(group, hosts));
  }
  case fault_kind::no_datagrams: {
    const auto group = draw_group(random, hosts);
    return both_ways(group, all_but(group, hosts));
  }
  default:
    return {};
  }
}

} // namespace

std::string_view to_string(fault_kind k) {
  return names[static_cast<std::size_t>(k)];
}

std::optional<fault_kind> fault_kind_named(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    return std::nullopt;
  return static_cast<fault_kind>(found - names.begin());
}

bool is_of_network(fault_kind k) {
  return k <= fault_kind::no_datagrams;
}

std::vector<fault> draw_faults(std::uint64_t seed, const fault_plan& plan) {
  const auto what = draw_theme(seed);
  std::vector<fault> result;
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    const auto kind = static_cast<fault_kind>(i);
    dice random{seed, i};
    const bool occurs = random.chance(likelihood(what, kind));
    const auto limits = extent_of(kind);
    auto count = 1 + random.below(limits.most);
    if (kind == fault_kind::drift)
      count = plan.hosts;
    for (std::size_t number = 0; number < count; ++number) {
      fault f{.kind = kind};
      // Short ones more often.
      const auto one = random.unit();
      const auto other = random.unit();
      const auto share = random.chance(0.5) ? one : one * other;
      f.lasts = limits.shortest +
                duration{static_cast<duration::rep>(
                    share * static_cast<double>((limits.longest - limits.shortest).count()))};
      f.lasts = std::min(f.lasts, plan.end - plan.begin);
      f.at = random.between(plan.begin, plan.end - f.lasts);
      f.who = random.below(plan.hosts);
      f.degree = random.unit();
      f.salt = random.bits();
      if (kind == fault_kind::drift) {
        f.at = duration{0};
        f.who = number;
      }
      if (kind == fault_kind::short_memory)
        f.at = duration{0};
      if (occurs && !plan.without[i])
        result.push_back(f);
    }
  }
  std::ranges::stable_sort(result, {}, &fault::at);
  return result;
}

std::vector<timed_disturbance> disturbances_of(const fault& f, std::size_t hosts) {
  dice random{f.salt};
  disturbance what;
  what.where = links_of(f.kind, random, hosts);
  // Half of them slight.
  const auto up_to = [&](double slight, double most) {
    return f.degree < 0.5 ? slight * 2 * f.degree : most * (2 * f.degree - 1);
  };
  switch (f.kind) {
  case fault_kind::loss:
  case fault_kind::one_way_loss:
    what.loss = up_to(0.1, 0.6);
    break;
  case fault_kind::repeat:
    what.repeat = f.degree;
    break;
  case fault_kind::reorder:
    what.late = 0.5;
    what.late_max = duration{static_cast<duration::rep>(up_to(40'000, 1'500'000))};
    break;
  case fault_kind::heavy_tail:
    what.tail = up_to(0.05, 0.8);
    break;
  case fault_kind::corruption:
    what.spoil = up_to(0.1, 0.5);
    break;
  case fault_kind::partition:
  case fault_kind::three_way:
  case fault_kind::bridge:
  case fault_kind::one_way_partition:
  case fault_kind::tangle:
    what.cut = true;
    break;
  case fault_kind::no_datagrams:
    what.cut = true;
    what.spares_streams = true;
    break;
  case fault_kind::burst: {
    what.loss = 1;
    std::vector<timed_disturbance> result;
    for (auto at = f.at; at < f.end();) {
      const auto lasts =
          std::min(random.between(milliseconds{20}, milliseconds{900}), f.end() - at);
      result.push_back({at, lasts, what});
      at += lasts + random.between(milliseconds{200}, seconds{4});
    }
    return result;
  }
  default:
    return {};
  }
  return {{f.at, f.lasts, what}};
}

bool is_slight(const fault& f) {
  switch (f.kind) {
  case fault_kind::loss:
  case fault_kind::one_way_loss:
  case fault_kind::reorder:
  case fault_kind::corruption:
    return f.degree < 0.5;
  case fault_kind::repeat:
  case fault_kind::drift:
  case fault_kind::attacker:
    return true;
  default:
    return false;
  }
}

} // namespace starling::simulation
