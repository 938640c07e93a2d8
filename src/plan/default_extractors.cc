#include "plan/default_extractors.h"

#include <algorithm>

namespace rehome {
namespace {

/// How adverts begin before they say what is wanted, longest first; and what stands between two
/// things that are wanted.
/// "/" and "-" split only between blanks ("UI/UX", "e-commerce" stay whole), "and" never ("research
/// and development").
PhraseExtractor Deliverables() {
  PhraseExtractor phrases{.noise_prefixes = {"We are looking for an",
                                             "We are looking for a",
                                             "We are looking for",
                                             "We're looking for",
                                             "I am looking for an",
                                             "I am looking for a",
                                             "I am looking for",
                                             "I'm looking for",
                                             "Looking for an expert in",
                                             "Looking for an expert to",
                                             "Looking for an expert",
                                             "Looking for experts",
                                             "Looking for expert:",
                                             "Looking for expert",
                                             "Looking for someone to",
                                             "Looking for an",
                                             "Looking for a",
                                             "Looking for",
                                             "Searching for",
                                             "Seeking an",
                                             "Seeking a",
                                             "Seeking",
                                             "In need of",
                                             "We need an",
                                             "We need a",
                                             "We need",
                                             "I need an",
                                             "I need a",
                                             "I need",
                                             "Need someone to",
                                             "Need help with",
                                             "Need an expert in",
                                             "Need an",
                                             "Need a",
                                             "Needed:",
                                             "Need",
                                             "Help needed with",
                                             "Help with",
                                             "Help us",
                                             "Help me",
                                             "Wanted:",
                                             "Urgent:",
                                             "URGENT -",
                                             "Hiring an",
                                             "Hiring a",
                                             "Hiring:",
                                             "Hiring",
                                             "Expert needed for",
                                             "Freelancer needed for",
                                             "Freelancer for",
                                             "Job:",
                                             "Project:",
                                             "Task:",
                                             "Please"},
                          .separators = {" - ", " – ", " — ", " | ", ";", ",", " & ", " / ", "\n"},
                          .cap = 8};
  std::ranges::stable_sort(phrases.noise_prefixes, std::ranges::greater{}, &std::string::size);
  return phrases;
}

DictionaryExtractor Industry() {
  return {
      .entries =
          {{"E-commerce",
            {"e-commerce", "ecommerce", "shopify", "woocommerce", "magento", "bigcommerce",
             "online store", "online shop", "webshop", "checkout", "marketplace", "retail"}},
           {"Healthcare",
            {"healthcare", "health", "medical", "hipaa", "patient", "clinic", "clinical",
             "hospital", "doctor", "pharma", "telemedicine", "dental"}},
           {"Fintech",
            {"fintech", "bank", "banking", "payment", "payments", "invoice", "invoicing", "trading",
             "crypto", "insurance", "accounting", "finance", "financial"}},
           {"Education",
            {"education", "e-learning", "elearning", "course", "courses", "school", "university",
             "student", "students", "teacher", "tutor", "lms"}},
           {"Real Estate", {"real estate", "realtor", "property management", "mortgage", "rental"}},
           {"Travel", {"travel", "hotel", "booking", "tourism", "airline", "flights"}},
           {"Food & Beverage", {"restaurant", "food delivery", "recipe", "recipes", "catering"}},
           {"Logistics",
            {"logistics", "shipping", "warehouse", "freight", "supply chain", "fleet"}},
           {"Media", {"media", "news", "publishing", "podcast", "video streaming", "music"}},
           {"Gaming", {"game", "games", "gaming", "unity", "unreal", "esports"}},
           {"Non-profit", {"non-profit", "nonprofit", "charity", "ngo", "donation", "donations"}},
           {"Software",
            {"saas", "software as a service", "devops", "api platform", "developer tools"}}},
      .fallback = "General"};
}

}  // namespace

std::optional<Extractor> DefaultExtractor(std::string_view name) {
  if (name == "deliverables") {
    return Deliverables();
  }
  if (name == "industry") {
    return Industry();
  }
  return std::nullopt;
}

}  // namespace rehome
