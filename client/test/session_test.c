/*
 * session_test.c
 *		What a session's document says about privacy and secure aggregation, for a person who watches.
 */
#include <string.h>

#include "check.h"
#include "lib/session.h"

static FedSession *
parse(const char *privacy)
{
	char		document[2048];
	FedError	err = {0};

	snprintf(document, sizeof(document), "{\"id\": \"x\", \"name\": \"s\", \"status\": \"training\", \"participants\": []%s}", privacy);
	return fed_session_parse(document, &err);
}

/* Is said, and with these words at the end; both "" where there is none. */
static bool
says(const char *privacy, const char *words, const char *statement)
{
	FedSession *session = parse(privacy);
	bool		ok = session != NULL && strcmp(session->privacy, words) == 0 &&
		strcmp(session->privacy_said == NULL ? "" : session->privacy_said, statement) == 0;

	if (!ok && session != NULL)
		printf("# %s\n# %s\n", session->privacy, session->privacy_said == NULL ? "(nothing)" : session->privacy_said);
	fed_session_free(session);
	return ok;
}

/* The same of secure aggregation; what is given are members of the document. */
static bool
tells(const char *members, const char *words)
{
	FedSession *session = parse(members);
	bool		ok = session != NULL && strcmp(session->secagg, words) == 0;

	if (!ok && session != NULL)
		printf("# %s\n", session->secagg);
	fed_session_free(session);
	return ok;
}

int
main(void)
{
	check(says("", "", ""), "a server that says nothing of privacy");
	check(says(", \"privacy\": {\"mode\": \"none\", \"statement\": \"None.\"}", "", ""), "a session without");
	check(says(", \"privacy\": {\"mode\": \"central\", \"epsilon\": 3.14159, \"epsilon_budget\": 8, \"delta\": 1e-5, \"noise_multiplier\": 2.1,"
			   " \"clip_norms\": [0.1, 0.5], \"statement\": \"Said.\", \"warning\": null}",
			   "epsilon 3.142 of 8, delta 1e-05, noise multiplier 2.1, clip norm 0.5, noise added by the coordinator", "Said."),
		  "central noise and a budget; the last clip norm counts");
	check(says(", \"privacy\": {\"mode\": \"local\", \"epsilon\": 0, \"epsilon_budget\": null, \"delta\": null, \"noise_multiplier\": 4,"
			   " \"clip_norms\": null, \"statement\": \"Said.\", \"warning\": \"Weak.\"}",
			   "epsilon 0, noise multiplier 4, noise added by each Island", "Said.\nwarning: Weak."),
		  "local noise before the first round, with a warning");

	check(tells("", "") && tells(", \"secure_aggregation\": null", ""), "a session without secure aggregation");
	check(tells(", \"secure_aggregation\": {\"mode\": \"semi_honest\", \"round\": null, \"attempt\": null, \"state\": null}", "semi_honest"),
		  "before the first round there is the mode");
	check(tells(", \"config\": {\"secagg_max_attempts\": 3}, \"secure_aggregation\": {\"mode\": \"active\", \"round\": 2, \"attempt\": 1,"
				" \"state\": \"advertise\", \"islands\": null, \"threshold\": null}", "active, round 2, attempt 1 of 3: advertise"),
		  "while keys come in nobody knows how many Islands there will be");
	check(tells(", \"config\": {}, \"secure_aggregation\": {\"mode\": \"active\", \"round\": 2, \"attempt\": 2, \"state\": \"mask\","
				" \"islands\": 5, \"threshold\": 4}", "active, round 2, attempt 2: mask, 5 Islands, 4 needed"),
		  "then it is told, and how many are needed");
	return checks_done();
}
