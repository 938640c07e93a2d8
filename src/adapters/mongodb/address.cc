#include "adapters/mongodb/address.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace rehome::mongodb {
namespace {

constexpr std::string_view kPlain = "mongodb://";
constexpr std::string_view kSrv = "mongodb+srv://";
constexpr std::string_view kDefaultPort = ":27017";
constexpr std::string_view kForm = "write mongodb://HOST/DATABASE or mongodb+srv://HOST/DATABASE";

std::unexpected<Error> Wrong(std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("the MongoDB address {}", why),
              std::string(kForm));
}

std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

bool HasPort(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');  // [::1]
  return colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon);
}

std::vector<std::string> Hosts(std::string_view list, bool srv) {
  std::vector<std::string> hosts;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    if (!one.empty()) {
      hosts.push_back(LowerCase(one) + std::string(srv || HasPort(one) ? "" : kDefaultPort));
    }
  }
  std::ranges::sort(hosts);
  const auto rest = std::ranges::unique(hosts);
  hosts.erase(rest.begin(), rest.end());
  return hosts;
}

void AddSecret(std::vector<std::string>& secrets, std::string_view text) {
  if (text.empty()) {
    return;
  }
  secrets.emplace_back(text);
  if (std::string decoded = PercentDecoded(text); decoded != text) {
    secrets.push_back(std::move(decoded));
  }
}

/// The values of options that hold secrets.
void AddSecretOptions(std::vector<std::string>& secrets, std::string_view query) {
  while (!query.empty()) {
    const std::string_view option = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(option.size() + 1, query.size()));
    const std::size_t equals = std::min(option.find('='), option.size());
    const std::string name = LowerCase(option.substr(0, equals));
    if (equals < option.size() &&
        (name == "authmechanismproperties" || name.ends_with("password"))) {
      AddSecret(secrets, option.substr(equals + 1));
    }
  }
}

}  // namespace

std::string Address::Identity() const {
  return fmt::format("{}{}/{}", srv ? kSrv : kPlain, fmt::join(hosts, ","), database);
}

std::string Address::Scrubbed(std::string_view text) const {
  // Secrets may overlap, and what blanks one must not hide another: all are found before.
  std::vector<bool> hidden(text.size());
  for (const std::string& secret : secrets) {
    for (std::size_t at = text.find(secret); at != std::string_view::npos;
         at = text.find(secret, at + 1)) {
      std::fill_n(hidden.begin() + static_cast<std::ptrdiff_t>(at), secret.size(), true);
    }
  }
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!hidden[i]) {
      out.push_back(text[i]);
    } else if (i == 0 || !hidden[i - 1]) {
      out += "***";
    }
  }
  return out;
}

Result<Address> ParseAddress(std::string_view uri) {
  Address out;
  out.srv = uri.starts_with(kSrv);
  if (!out.srv && !uri.starts_with(kPlain)) {
    return Wrong("has no scheme that this store knows");
  }
  uri.remove_prefix(out.srv ? kSrv.size() : kPlain.size());
  const std::size_t query = std::min(uri.find('?'), uri.size());
  AddSecretOptions(out.secrets, uri.substr(std::min(query + 1, uri.size())));
  uri = uri.substr(0, query);
  // No host holds `@`; a password may hold `/` by mistake.
  if (const std::size_t at = uri.rfind('@'); at != std::string_view::npos) {
    const std::string_view userinfo = uri.substr(0, at);
    const std::size_t colon = std::min(userinfo.find(':'), userinfo.size());
    AddSecret(out.secrets, userinfo.substr(std::min(colon + 1, userinfo.size())));
    uri.remove_prefix(at + 1);
  }
  const std::size_t slash = std::min(uri.find('/'), uri.size());
  // A path to a socket is percent-encoded, so the first slash ends the hosts.
  out.hosts = Hosts(uri.substr(0, slash), out.srv);
  out.database = PercentDecoded(uri.substr(std::min(slash + 1, uri.size())));
  if (out.hosts.empty()) {
    return Wrong("names no host");
  }
  if (out.database.empty()) {
    return Wrong("names no database");
  }
  if (out.database.find_first_of(std::string_view("/\\. \"$\0", 7)) != std::string::npos) {
    return Wrong("names a database that MongoDB does not allow");
  }
  return out;
}

}  // namespace rehome::mongodb
