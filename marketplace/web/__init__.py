"""The pages: thin views over the apps' actions, rendered by templates/."""
